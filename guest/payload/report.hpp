// SPDX-License-Identifier: MIT
// What a case has to say: nothing, or what is wrong.
#pragma once

#include "runtime/format.hpp"

#include <span>
#include <string_view>

namespace twofold::payload {

void begin_case(std::string_view name);
// Prints the verdict; false if anything failed.
bool end_case();

void fail_with(std::string_view pattern, std::span<const hyp::FormatArgument> arguments);

template <typename... Arguments>
void fail(std::string_view pattern, const Arguments&... arguments) {
    const hyp::FormatArgument list[] = {hyp::FormatArgument{arguments}..., hyp::FormatArgument{0}};
    fail_with(pattern, {list, sizeof...(Arguments)});
}

// A number that is known.
inline void expect(std::string_view what, std::uint64_t got, std::uint64_t wanted) {
    if (got != wanted)
        fail("{}: {:#x} instead of {:#x}", what, got, wanted);
}

} // namespace twofold::payload
