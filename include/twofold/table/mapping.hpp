// SPDX-License-Identifier: MIT
// Mapping: one leaf of a table, or a run of equal neighbours, as lookup and iteration report it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/attributes.hpp>
#include <twofold/arch/granule.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

struct Mapping {
    Ipa ipa = {}; // of the first byte
    Pa pa = {};
    std::uint64_t size = 0; // bytes; of one leaf, or of a run of leaves of `level`
    Level level = page_level;
    bool contiguous = false; // the Contiguous bit
    Attributes attributes = {};

    constexpr bool operator==(const Mapping&) const = default;
};

// What a lookup found at an IPA.
struct Lookup {
    Level level = page_level; // of the entry at which the walk ended
    std::optional<Mapping> mapping = {};
    std::optional<std::uint32_t> annotation = {};
    std::uint64_t raw = 0; // the descriptor there
};

// The same as it stands there, for who may not need to know what it says, and where that is: as
// long as the section goes on in which it was found, the entry can be changed there.
struct RawEntry {
    Level level = page_level;
    bool is_leaf = false;
    bool plain = false; // in a table of the usual kind (PageWalk)
    unsigned index = 0;
    Pa table = {};
    std::uint64_t raw = 0;
};

// Joins leaves that a walk reports in ascending order into runs: neighbours with one level and
// attributes whose outputs follow each other.
template <class Visit>
class RunMerger {
public:
    explicit constexpr RunMerger(Visit& visit) : visit_{visit} {}

    constexpr void add(const Mapping& leaf) {
        if (run_ && run_->ipa + run_->size == leaf.ipa && run_->pa + run_->size == leaf.pa &&
            run_->level == leaf.level && run_->contiguous == leaf.contiguous &&
            run_->attributes == leaf.attributes) {
            run_->size += leaf.size;
            return;
        }
        finish();
        run_ = leaf;
    }
    constexpr void finish() {
        if (run_) {
            visit_(*run_);
            run_.reset();
        }
    }

private:
    Visit& visit_;
    std::optional<Mapping> run_ = {};
};

} // namespace twofold
