// SPDX-License-Identifier: MIT
// HardwareAccess: one access of a guest at a moment of the test's choice, by which hardware sets AF
// or dirty state - between two operations, or just before one of an operation's atomics.
#pragma once

#include "interval_map.hpp"

#include <twofold/arch/geometry.hpp>
#include <twofold/model/walker.hpp>

#include <cstdint>
#include <optional>

namespace twofold::test {

// What an access changed in the leaf that translated it.
struct HardwareUpdate {
    std::uint64_t ipa = 0; // that was accessed
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    bool young = false;
    bool dirty = false;

    void apply_to(IntervalMap& map) const {
        map.change(start, size, [&](Attributes& a) {
            a.access_flag |= young;
            a.permissions.write |= dirty;
        });
    }
};

class HardwareAccess {
public:
    HardwareAccess(const Geometry& geometry, const model::WalkConfig& config)
        : geometry_{geometry},
          config_{config} {}

    std::optional<HardwareUpdate> access(model::MemoryRef memory, std::uint64_t ipa, bool store) {
        constexpr std::uint64_t access_flag = std::uint64_t{1} << 10;
        constexpr std::uint64_t writable = std::uint64_t{1} << 7;
        last_ = model::walk(config_, memory, Ipa{ipa},
                            {.kind = store ? model::AccessKind::store : model::AccessKind::load});
        HardwareUpdate update{.ipa = ipa};
        for (const model::WalkUpdate& u : last_.updates) {
            update.young |= ((u.after & ~u.before) & access_flag) != 0;
            update.dirty |= ((u.after & ~u.before) & writable) != 0;
        }
        if (!update.young && !update.dirty) {
            return std::nullopt;
        }
        const int level = last_.visits[last_.visits.size() - 1].level;
        update.size = geometry_.entry_size(level);
        update.start = align_down(ipa, update.size);
        return update;
    }
    bool translated() const { return last_.translated(); }

private:
    const Geometry& geometry_;
    model::WalkConfig config_;
    model::WalkResult last_ = {};
};

} // namespace twofold::test
