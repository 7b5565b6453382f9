// SPDX-License-Identifier: MIT
// KvmChange: what became of a guest's stage 2 between two dumps.
#pragma once

#include "tools/kvm/kvm_dump.hpp"

#include <cstdint>
#include <vector>

namespace twofold::tool {

enum class KvmChangeKind : std::uint8_t {
    mapped,
    unmapped,
    split,     // mapped with smaller leaves than before
    collapsed, // mapped with larger ones
    permissions,
    accessed, // the access flag was set
    aged,     // the access flag was cleared
};

// Neighbouring memory with the same before and after.
struct KvmChangedRun {
    KvmChangeKind kind = KvmChangeKind::mapped;
    Ipa start;
    Ipa end;
    KvmRun before; // not a leaf: not mapped
    KvmRun after;
};

struct KvmChange {
    struct Part {
        std::uint64_t bytes = 0;
        std::uint64_t runs = 0;
    };
    std::map<KvmChangeKind, Part> sum;
    std::uint64_t write_lost = 0; // bytes, as when dirty logging begins
    std::uint64_t write_gained = 0;
    std::uint64_t execute_lost = 0;
    std::uint64_t execute_gained = 0;
    std::vector<KvmChangedRun> runs; // the first of them
    std::uint64_t more_runs = 0;     // the others
    std::uint64_t known_to = 0;      // what is behind it is in only one of them
    bool beyond_known = false;       // there are changes behind it

    bool any() const { return !sum.empty(); }
};

inline constexpr std::size_t most_changed_runs = 1000;

KvmChange kvm_change(const KvmDump& before, const KvmDump& after);

} // namespace twofold::tool
