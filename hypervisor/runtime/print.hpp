// SPDX-License-Identifier: MIT
// The hypervisor's own messages. A message is formatted first and handed over in one piece, so that
// lines of several CPUs and of the guest do not tear.
#pragma once

#include "runtime/format.hpp"

#include <array>
#include <string_view>

namespace twofold::hyp {

// Takes one complete message. It is called by any CPU, with interrupts masked, and locks for
// itself.
using PrintOutput = void (*)(std::string_view message);

// Messages before the first call are dropped.
void set_print_output(PrintOutput output);
void print_text(std::string_view message);

template <typename... Arguments>
void print(std::string_view pattern, const Arguments&... arguments) {
    std::array<char, 256> buffer{};
    BufferSink sink{buffer};
    format_to(sink, pattern, arguments...);
    print_text(sink.text());
}

} // namespace twofold::hyp
