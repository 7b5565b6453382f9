// SPDX-License-Identifier: MIT
// WatchedTlb: the TLBs of all CPUs at their worst, for a few input addresses. Whatever a walk could
// have found since the last invalidation that covers it, by CPUs and barriers in the right order,
// is still held: leaves, and the tables on the way to them.
//
// A translation that memory no longer yields is stale. It goes when, in this order,
//   the CPU that changed the entry has done a DSB for stores   (walkers see the change)
//   some CPU issues a TLBI that covers it, then a DSB          (stage 2 is gone)
//   the same CPU issues VMALLE1, then a DSB                    (combined entries are gone)
// or VMALLS12 in place of both. What a local TLBI removes, it removes from its own CPU.
#pragma once

#include <twofold/arch/tlbi_operation.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twofold::test {

// What the walker has to know of a geometry without LPA2, by numbers of the manual.
struct WalkShape {
    unsigned page_bits = 12;
    int initial_level = 2;
    unsigned ipa_bits = 22;
    std::uint64_t root = 0;
    bool block_changes = false; // FEAT_BBM level 2: the size of a translation may change in use

    unsigned stride() const { return page_bits - 3; }
    unsigned shift(int level) const {
        return page_bits + stride() * static_cast<unsigned>(3 - level);
    }
    std::uint64_t entries(int level) const {
        return std::uint64_t{1} << (level == initial_level ? ipa_bits - shift(level) : stride());
    }
    // Entries of a contiguous run (reference table of the Contiguous bit).
    std::uint64_t run(int level) const;
    bool is_table(std::uint64_t d, int level) const { return level != 3 && (d & 3) == 3; }
    bool is_leaf(std::uint64_t d, int level) const {
        return level == 3 ? (d & 3) == 3 : (d & 3) == 1;
    }
    std::uint64_t address(std::uint64_t d, int level) const {
        return d & 0x0000'ffff'ffff'ffff & ~((std::uint64_t{1} << shift(level)) - 1);
    }
    std::uint64_t next_table(std::uint64_t d) const { return address(d, 3); }
};

class WatchedTlb {
public:
    static constexpr unsigned max_cpus = 4;

    // `read`: a descriptor in memory; `watch`: told which descriptors decide.
    using Read = std::function<std::uint64_t(std::uint64_t address)>;

    WatchedTlb(unsigned cpus, Read read) : cpus_{cpus}, read_{std::move(read)} {}

    // Holds what memory yields now for these addresses, and nothing else.
    void start(const WalkShape& shape, std::vector<std::uint64_t> ipas);

    // `cpu` has changed the descriptor at `address`. Returns what is wrong with that, if anything.
    std::optional<std::string> written(unsigned cpu, std::uint64_t address);
    void tlbi(unsigned cpu, const TlbiOperation& operation);
    void barrier(unsigned cpu, Barrier barrier);
    // All that `cpu` owed is said to be discharged. Returns what is still held, if anything.
    std::optional<std::string> settled(unsigned cpu) const;

    // Whether a walk for `ipa` may be in this table, at this level.
    bool may_walk(std::uint64_t ipa, std::uint64_t table, int level) const;
    bool holds_table(std::uint64_t table) const;
    // Every descriptor that decided on what is held, since start(), by its address; and those that
    // decide when they are marked as one of a contiguous run.
    const std::vector<std::uint64_t>& deciding() const { return deciding_; }
    struct Stretch {
        std::uint64_t start = 0;
        std::uint64_t entries = 0;
    };
    const std::vector<Stretch>& neighbours() const { return neighbours_; }
    std::uint64_t hash() const { return hash_; }

private:
    // How far an invalidation by one CPU has come.
    static constexpr std::uint8_t untouched = 0;
    static constexpr std::uint8_t stage2_issued = 1;
    static constexpr std::uint8_t stage2_done = 2;
    static constexpr std::uint8_t combined_issued = 3;

    static constexpr std::uint8_t none = 0xff;

    struct Held {
        std::uint64_t ipa = 0;
        int level = 3;
        bool leaf = false;
        std::uint64_t address = 0; // of the table, or of the page that `ipa` is mapped to
        std::uint64_t size = 0;    // of a leaf: what the entry covers, a contiguous run as a whole
        std::uint64_t bits = 0;    // of a leaf: permissions, type, shareability

        bool stale = false;
        bool harmless = false;          // what memory yields now allows all that this allows
        bool aged = false;              // memory says the same but for AF
        bool seen_by_all = false;       // walkers of all CPUs see that it is no more
        std::uint8_t seen_by = 0;       // these CPUs' own walkers do
        std::uint8_t writers = 0;       // CPUs that have changed what led to it
        std::uint8_t relaxed_by = none; // who has only added permissions
        std::uint8_t writer = 0;        // the first of them: it owes the invalidation
        std::uint8_t cpus = 0;          // those that may hold it
        std::array<std::uint64_t, 5> path = {};           // the descriptors that led to it
        std::array<std::uint8_t, max_cpus> progress = {}; // of broadcasts, by who issued them
        std::array<std::uint8_t, max_cpus> local = {};    // of local ones

        bool led_by(std::uint64_t descriptor) const {
            return descriptor != 0 && std::ranges::find(path, descriptor) != path.end();
        }
        bool same(const Held& o) const {
            return ipa == o.ipa && level == o.level && leaf == o.leaf && address == o.address &&
                   size == o.size && bits == o.bits;
        }
    };
    // What memory says of an address, AF aside.
    struct Current {
        bool leaf = false;
        bool accessed = false;
        std::uint64_t address = 0;
        std::uint64_t size = 0;
        std::uint64_t bits = 0;
    };

    // From a table that `from` led to.
    void walk(const Held& from, std::vector<Held>& found, Current* current);
    std::uint64_t look(std::uint64_t address);
    std::optional<std::string> add(const Held& found);
    std::optional<std::string> add_from_stale_tables();
    bool covers(const TlbiOperation& operation, const Held& held) const;
    std::string describe(const Held& held) const;
    void rehash();

    unsigned cpus_;
    Read read_;
    WalkShape shape_ = {};
    std::vector<std::uint64_t> ipas_ = {};
    std::vector<Held> held_ = {};
    std::vector<std::uint64_t> deciding_ = {};
    std::vector<Stretch> neighbours_ = {};
    std::uint64_t hash_ = 0;
};

} // namespace twofold::test
