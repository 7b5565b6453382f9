// SPDX-License-Identifier: MIT
// Commands to the hypervisor's monitor, which it takes from a guest with monitor.calls=on.
#pragma once

#include <cstdint>
#include <string_view>

namespace twofold::bench {

// What the command counts. One that fails ends the measurement with a line that says so.
std::uint64_t monitor(std::string_view command);

} // namespace twofold::bench
