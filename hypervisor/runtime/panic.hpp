// SPDX-License-Identifier: MIT
// The end of the machine after an error of the hypervisor or of its configuration.
#pragma once

#include "runtime/format.hpp"

#include <array>
#include <string_view>

namespace twofold::hyp {

// Prints without any lock, even while another CPU holds it, and stops the machine with status 1.
[[noreturn]] void panic_text(std::string_view message);

// Used by panic_text once set: writes to the console without a lock.
void set_panic_output(void (*output)(std::string_view message));
void print_unlocked(std::string_view message);

template <typename... Arguments>
[[noreturn]] void panic(std::string_view pattern, const Arguments&... arguments) {
    std::array<char, 256> buffer{};
    BufferSink sink{buffer};
    format_to(sink, pattern, arguments...);
    panic_text(sink.text());
}

} // namespace twofold::hyp
