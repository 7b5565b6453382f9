// SPDX-License-Identifier: MIT
// KvmFigures: what can be known of a guest's stage 2 from KVM's dump. The dump has no physical
// addresses, so whether memory could be mapped larger is known only as far as the guest's side
// goes.
#pragma once

#include "tools/kvm/kvm_dump.hpp"

#include <twofold/arch/granule.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// Aligned pieces of one size that are mapped with smaller leaves.
struct KvmLarger {
    Level level = 0; // whose entries have this size
    std::uint64_t size = 0;
    // Mapped to the last byte: a larger mapping is possible if the physical addresses adjoin too.
    std::uint64_t uniform = 0; // with the same permissions everywhere
    std::uint64_t mixed = 0;   // permissions differ, which a larger mapping cannot keep
    // Mapped in part.
    std::uint64_t partial = 0;
    std::uint64_t partial_mapped_bytes = 0;
};

struct KvmAmount {
    std::uint64_t bytes = 0;
    std::uint64_t runs = 0;
};

struct KvmFigures {
    Granule granule = Granule::k4;
    bool granule_certain = true;
    std::map<Level, std::uint64_t> mapped; // bytes, by the level of the leaf
    std::uint64_t mapped_bytes = 0;
    std::vector<KvmLarger> larger;                // the smallest size first
    KvmAmount holes;                              // between the first and the last mapping
    KvmAmount largest_hole;                       // one run
    std::map<std::string, KvmAmount> permissions; // by words
    // States to look at
    KvmAmount writable_executable;
    KvmAmount write_only;
    KvmAmount inaccessible;
    KvmAmount not_accessed;         // the access flag is clear
    KvmAmount invalid;              // not zero, and no entry of stage 2
    KvmAmount impossible;           // leaves where the architecture has none
    std::uint64_t unknown_from = 0; // where the last run begins, which is not printed
    std::uint64_t misaligned_runs = 0;

    std::uint64_t size_of(Level level) const {
        return std::uint64_t{1} << level_shift(granule, level);
    }
};

// The granule is that of all levels and alignments, unless it is given.
KvmFigures kvm_figures(const KvmDump& dump, std::optional<Granule> granule);

} // namespace twofold::tool
