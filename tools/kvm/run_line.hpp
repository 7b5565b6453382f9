// SPDX-License-Identifier: MIT
// One line of stage2_page_tables:
//   0x0000000040000000-0x0000000040001000           4K 3   R W   AF
#pragma once

#include "tools/kvm/kvm_dump.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold::tool {

struct KvmRunLine {
    KvmRun run;
    std::uint64_t size = 0; // as printed; modulo 2^64 in a garbled line
    KvmColumns columns = KvmColumns::unknown;
    bool unknown_flag = false;
};

// Empty if it is no such line. Start may be above end.
std::optional<KvmRunLine> parse_run_line(std::string_view text);

} // namespace twofold::tool
