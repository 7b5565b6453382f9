// SPDX-License-Identifier: MIT
// The hypervisor's monitor, asked by HVC.
#pragma once

#include <cstdint>
#include <string_view>

namespace twofold::payload {

struct MonitorAnswer {
    std::int64_t status = 0;
    std::uint64_t number = 0;
};

// `ipa`, `length`: of a command line. The other registers must come back as they were.
MonitorAnswer call_monitor_at(std::uint64_t ipa, std::uint64_t length);
// The command, wherever it is; complains if the call fails. Returns the number.
std::uint64_t call_monitor(std::string_view command);

} // namespace twofold::payload
