// SPDX-License-Identifier: MIT
// Output through the guest's PL011.
#pragma once

#include "runtime/format.hpp"

#include <cstdint>
#include <string_view>

namespace twofold::payload {

void open_uart(std::uint64_t base);
void print_text(std::string_view text);
// The next character typed; waits for it. Nothing behind it is taken from the line.
char read_one_character();

template <typename... Arguments>
void print(std::string_view pattern, const Arguments&... arguments) {
    char buffer[240];
    hyp::BufferSink sink{buffer};
    hyp::format_to(sink, pattern, arguments...);
    print_text(sink.text());
}

} // namespace twofold::payload
