// SPDX-License-Identifier: MIT
// Adversary: a TLB that keeps, for a few addresses, everything that a walker could have cached
// since it was last invalidated, and looks at the tables after every single store.
#pragma once

#include "geometries.hpp"
#include "host_port.hpp"

#include <twofold/model/walker.hpp>
#include <twofold/table/invalidation_plan.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace twofold::test {

class Adversary {
public:
    Adversary(HostPort& port, const Geometry& geometry, const CpuFeatures& features,
              const model::WalkConfig& config, Pa root)
        : port_{port},
          geometry_{geometry},
          features_{features},
          config_{config},
          root_{root} {
        // A look must not change what it looks at.
        config_.hafdbs = false;
        config_.vtcr &= ~(Vtcr::ha::mask | Vtcr::hd::mask);
        port_.on_change = [this] { look(); };
        port_.on_invalidate = [this](const Invalidation& owed) { invalidate(owed); };
        port_.on_plain_store = [this](Pa table) { plain_store(table); };
        port_.on_free = [this](Pa pa, std::uint64_t bytes) { freed(pa, bytes); };
    }
    ~Adversary() {
        port_.on_change = {};
        port_.on_invalidate = {};
        port_.on_plain_store = {};
        port_.on_free = {};
    }
    Adversary(const Adversary&) = delete;
    Adversary& operator=(const Adversary&) = delete;

    // The addresses to look at from now on. Only while nothing is owed.
    void watch(const std::vector<Ipa>& addresses) {
        watched_.clear();
        for (const Ipa ipa : addresses) {
            watched_.push_back({.ipa = ipa, .leaves = {}, .tables = {}});
        }
        look();
    }

    // Nothing is owed: what is cached is what is in the tables.
    void expect_clean() {
        for (Watched& w : watched_) {
            const Walked now = walk(w.ipa);
            for (const Leaf& leaf : w.leaves) {
                if (!now.leaf || !(leaf == *now.leaf || leaf.only_denies_more_than(*now.leaf))) {
                    fail("a translation that is gone may still be in a TLB", w.ipa);
                }
            }
        }
    }

    const std::vector<std::string>& failures() const { return failures_; }

private:
    struct Leaf {
        std::uint64_t pa;
        std::uint64_t descriptor;
        Level level;
        bool operator<(const Leaf& o) const {
            return std::tie(pa, descriptor, level) < std::tie(o.pa, o.descriptor, o.level);
        }
        bool operator==(const Leaf&) const = default;
        // The bits that may differ without a break: S2AP, XN, DBM, AF, software.
        std::uint64_t fixed() const {
            return descriptor &
                   ~((3ULL << 6) | (1ULL << 10) | (1ULL << 51) | (3ULL << 53) | (15ULL << 55));
        }
        // An upgrade of permissions invalidates only the CPU that asked for it: another keeps the
        // old entry and takes a fault of its own.
        bool only_denies_more_than(const Leaf& now) const {
            const auto allowed = [](std::uint64_t d) {
                const std::uint64_t xn = (d >> 53) & 3; // 00 both, 01 EL0, 10 none, 11 EL1
                return ((d >> 6) & 3) | (xn == 0 || xn == 1 ? 4U : 0U) |
                       (xn == 0 || xn == 3 ? 8U : 0U);
            };
            return level == now.level && pa == now.pa && fixed() == now.fixed() &&
                   (allowed(descriptor) & ~allowed(now.descriptor)) == 0;
        }
    };
    struct Walked {
        std::optional<Leaf> leaf;
        std::set<std::uint64_t> tables; // next-level tables that the walk went through
    };
    struct Watched {
        Ipa ipa;
        std::set<Leaf> leaves;
        std::set<std::uint64_t> tables;
    };

    Walked walk(Ipa ipa) {
        const auto r = model::walk(config_, port_, ipa, {.kind = model::AccessKind::at_read});
        Walked result;
        for (std::size_t i = 1; i < r.visits.size(); ++i) {
            result.tables.insert(align_down(r.visits[i].address.value, geometry_.page_size()));
        }
        // Whatever its permissions, a leaf with AF set may be cached.
        if (r.translated() || (r.faulted() && r.fault.kind == model::FaultKind::permission)) {
            const auto& last = r.visits[r.visits.size() - 1];
            const Pa output =
                DescriptorFormat{geometry_}.output(Descriptor{last.descriptor}, last.level);
            result.leaf = Leaf{output.value, last.descriptor, last.level};
        }
        return result;
    }

    void look() {
        for (Watched& w : watched_) {
            const Walked now = walk(w.ipa);
            w.tables.insert(now.tables.begin(), now.tables.end());
            if (!now.leaf) {
                continue;
            }
            for (const Leaf& old : w.leaves) {
                if (old.level != now.leaf->level || old.pa != now.leaf->pa ||
                    old.fixed() != now.leaf->fixed()) {
                    fail("break-before-make: two translations at once", w.ipa);
                }
            }
            w.leaves.insert(*now.leaf);
        }
    }

    // The TLB is another CPU's: it does not see a local invalidation.
    void invalidate(const Invalidation& owed) {
        if (owed.scope() == InvalidationScope::local) {
            return;
        }
        plan_invalidation(geometry_, features_, owed, [&](const TlbiOperation& op) {
            for (Watched& w : watched_) {
                std::erase_if(w.leaves,
                              [&](const Leaf& leaf) { return removes(op, w.ipa, leaf.level); });
                if (!op.last_level && removes(op, w.ipa, std::nullopt)) {
                    w.tables.clear();
                }
            }
        });
        look();
    }

    // Whether a TLBI removes an entry of `level` (empty: a cached table descriptor) for `ipa`.
    // Written from the operand layouts of TLBI IPAS2E1 and RIPAS2E1.
    bool removes(const TlbiOperation& op, Ipa ipa, std::optional<Level> level) const {
        const unsigned granule = granule_bits(geometry_.granule());
        switch (op.kind) {
        case TlbiKind::vmalle1:
            return false;
        case TlbiKind::vmalls12:
            return true;
        case TlbiKind::ipas2: {
            const std::uint64_t at = (op.operand & 0xff'ffff'ffff) << 12;
            const unsigned hint = (op.operand >> 44) & 3;
            const bool hinted = ((op.operand >> 46) & 3) != 0;
            if (level && hinted && static_cast<Level>(hint) != *level) {
                return false;
            }
            const unsigned above = level ? static_cast<unsigned>(3 - *level) : 0;
            const unsigned shift = granule + (granule - 3) * above;
            return (at >> shift) == (ipa.value >> shift);
        }
        case TlbiKind::ripas2: {
            const std::uint64_t unit = geometry_.lpa2() ? 16 : granule;
            const std::uint64_t base = (op.operand & 0x1f'ffff'ffff) << unit;
            const unsigned hint = (op.operand >> 37) & 3;
            const std::uint64_t num = (op.operand >> 39) & 31;
            const std::uint64_t scale = (op.operand >> 44) & 3;
            const std::uint64_t end = base + ((num + 1) << (5 * scale + 1 + granule));
            if (level && hint != 0 && static_cast<Level>(hint) != *level) {
                return false;
            }
            return base <= ipa.value && ipa.value < end;
        }
        }
        return false;
    }

    void freed(Pa pa, std::uint64_t bytes) {
        for (const Watched& w : watched_) {
            if (w.tables.lower_bound(pa.value) != w.tables.lower_bound(pa.value + bytes)) {
                fail("a table is freed that a walker may still reach", w.ipa);
            }
        }
    }

    void plain_store(Pa table) {
        for (const Watched& w : watched_) {
            if (table == root_ || w.tables.contains(table.value)) {
                fail("a plain store to a table that a walker can reach", w.ipa);
            }
        }
    }

    void fail(const char* what, Ipa ipa) {
        if (failures_.size() < 5) {
            failures_.push_back(std::string{what} + " at ipa " + std::to_string(ipa.value));
        }
    }

    HostPort& port_;
    const Geometry& geometry_;
    CpuFeatures features_;
    model::WalkConfig config_;
    Pa root_;
    std::vector<Watched> watched_ = {};
    std::vector<std::string> failures_ = {};
};

} // namespace twofold::test
