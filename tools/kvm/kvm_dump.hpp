// SPDX-License-Identifier: MIT
// KvmDump: what the file stage2_page_tables of KVM's debugfs says about a guest, and what is wrong
// with it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/granule.hpp>
#include <twofold/arch/permissions.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// How the permission to execute is printed.
enum class KvmColumns : std::uint8_t {
    unknown,    // nothing is mapped
    x_inverted, // as of Linux 6.12: "X" where execution is denied
    nx,         // "NX" or "x"
    px_ux,      // as of Linux 7.2: EL1 and EL0 apart
};

// Neighbouring entries of one level that print the same.
struct KvmRun {
    Ipa start;
    Ipa end;
    Level level = 0;
    bool leaf = false;    // it maps something; else it is a hole, or invalid and not zero
    bool invalid = false; // "F": no entry of stage 2, but not zero
    bool block = false;
    bool access_flag = false;
    Permissions permissions = {};

    std::uint64_t size() const { return end - start; }
};

enum class KvmDefect : std::uint8_t {
    garbled_first_line, // begins where the last run begins and ends where the first one does
    unreadable_line,
    long_line,
    unknown_flag,
    start_above_end,
    overlap,
    gap,
    wrong_size,
    misaligned,
    beyond_ipa,
    level_out_of_range,
    mixed_columns,
    too_many_runs,
};

struct KvmDefectCount {
    std::uint64_t count = 0;
    std::size_t first_line = 0;
};

struct KvmDump {
    KvmColumns columns = KvmColumns::unknown;
    std::optional<unsigned> ipa_bits;
    std::optional<unsigned> levels;
    bool has_pages = false; // there was something of stage2_page_tables
    std::vector<KvmRun> runs;
    // The run up to the end of the IPA space, which is never printed; known only from a garbled
    // first line, which was made a moment before the rest. Its end is not known.
    std::optional<KvmRun> last_run;
    std::map<KvmDefect, KvmDefectCount> defects;
    std::map<std::string, std::int64_t> statistics; // other files of the VM

    std::optional<Level> initial_level() const {
        return levels
                   ? std::optional{static_cast<Level>(page_level + 1 - static_cast<int>(*levels))}
                   : std::nullopt;
    }
};

// More lines than this belong to no guest: 16 TiB in single pages, all of them different.
inline constexpr std::size_t most_kvm_runs = 1U << 22;

} // namespace twofold::tool
