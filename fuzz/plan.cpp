// SPDX-License-Identifier: MIT
// plan_invalidation() for whatever is owed on whatever CPU: its operands are taken apart here by
// the manual's bit numbers. What they remove must contain what is owed, and each must be one that
// the CPU has and that the manual does not call UNPREDICTABLE.
#include "check.hpp"
#include "cpu.hpp"

#include <twofold/table/invalidation_plan.hpp>

#include <algorithm>
#include <vector>

namespace twofold::fuzz {
namespace {

constexpr unsigned most_instructions = 32;

// One entry, or a run of them, whose translations are to go.
struct Item {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    Level level = page_level;
    bool table = false; // a table descriptor: all below it goes, and the descriptor itself
};

struct Owed {
    Invalidation invalidation;
    std::vector<Item> items;
    bool whole = false;
    bool broadcast = false; // some of it must be seen by every CPU
    ~Owed() { invalidation.clear(); }
};

void add_item(ByteChoices& choices, const Geometry& g, Owed& owed) {
    const Level level = g.initial_level() + static_cast<int>(choices.below(g.levels()));
    const std::uint64_t size = g.entry_size(level);
    const std::uint64_t entries = g.ipa_limit() / size;
    // Often next to what is owed already, which it then joins.
    std::uint64_t first = choices.below(entries);
    if (!owed.items.empty() && choices.flag()) {
        first = std::min(owed.items.back().end / size, entries - 1);
    }
    const bool table = level != page_level && choices.flag();
    const bool can_be_leaf = g.leaf_allowed(level);
    if (table || !can_be_leaf) {
        owed.invalidation.add_table(Ipa{first * size}, size);
        owed.items.push_back({first * size, (first + 1) * size, level, true});
        owed.broadcast = true;
        return;
    }
    constexpr std::uint64_t most[] = {1, 2, 40, 5000, 4'000'000};
    const std::uint64_t count =
        1 + choices.below(std::min(most[choices.below(std::size(most))], entries - first));
    const bool local = choices.below(4) == 0;
    owed.invalidation.add_leaf(Ipa{first * size}, count * size, level,
                               local ? InvalidationScope::local
                                     : InvalidationScope::inner_shareable);
    owed.items.push_back({first * size, (first + count) * size, level, false});
    owed.broadcast |= !local;
}

constexpr std::uint64_t bits(std::uint64_t word, unsigned high, unsigned low) {
    return (word >> low) & ((std::uint64_t{2} << (high - low)) - 1);
}

// What one instruction removes.
struct Removed {
    std::uint64_t start = 0;
    std::uint64_t end = 0;        // of a range
    bool by_range = false;        // else the entries that translate `start`
    std::uint64_t level_hint = 0; // 0: any
    bool has_hint = false;
    bool last_level = false;
};

// The granule in TG and TTL[3:2]: 01 4K, 10 16K, 11 64K.
std::uint64_t granule_code(const Geometry& g) {
    return g.granule() == Granule::k4 ? 1 : g.granule() == Granule::k16 ? 2 : 3;
}
unsigned page_bits(const Geometry& g) {
    return g.granule() == Granule::k4 ? 12 : g.granule() == Granule::k16 ? 14 : 16;
}
unsigned entry_bits(const Geometry& g, Level level) {
    return page_bits(g) + (page_bits(g) - 3) * static_cast<unsigned>(3 - level);
}

Removed decode_by_ipa(const Geometry& g, const CpuFeatures& f, const TlbiOperation& op) {
    const std::uint64_t x = op.operand;
    check(bits(x, 63, 48) == 0 && bits(x, 43, 40) == 0, "reserved bits of IPAS2E1 are zero");
    const std::uint64_t ttl = bits(x, 47, 44);
    check(ttl == 0 || f.ttl, "TTL only with FEAT_TTL");
    if (ttl != 0) {
        check(bits(ttl, 3, 2) == granule_code(g), "the granule of TTL");
        // Reserved: level 0 without 52-bit addresses, level 1 of 16K without them.
        const std::uint64_t level = bits(ttl, 1, 0);
        check(level != 0 || (g.granule() == Granule::k4 && g.lpa2()), "TTL level 0");
        check(level != 1 || g.granule() != Granule::k16 || g.lpa2(), "TTL level 1 of 16K");
    }
    return {.start = bits(x, 39, 0) << 12,
            .level_hint = bits(ttl, 1, 0),
            .has_hint = ttl != 0,
            .last_level = op.last_level};
}

Removed decode_by_range(const Geometry& g, const CpuFeatures& f, const TlbiOperation& op) {
    const std::uint64_t x = op.operand;
    check(f.tlbi_range, "range TLBI only with FEAT_TLBIRANGE");
    check(bits(x, 63, 48) == 0, "reserved bits of RIPAS2E1 are zero");
    check(bits(x, 47, 46) == granule_code(g), "TG is the granule of the table");
    const std::uint64_t start = bits(x, 36, 0) << (g.lpa2() ? 16 : page_bits(g));
    const std::uint64_t scale = bits(x, 45, 44);
    const std::uint64_t pages = (bits(x, 43, 39) + 1) << (5 * scale + 1);
    const std::uint64_t hint = bits(x, 38, 37);
    check(hint == 0 || f.ttl, "a level hint only with FEAT_TTL");
    check(hint != 1 || g.granule() != Granule::k16 || g.lpa2(), "TTL level 1 of 16K");
    check(hint == 0 || start % (std::uint64_t{1} << entry_bits(g, static_cast<Level>(hint))) == 0,
          "BaseADDR is aligned to the level of the hint");
    return {.start = start,
            .end = start + (pages << page_bits(g)),
            .by_range = true,
            .level_hint = hint,
            .has_hint = hint != 0,
            .last_level = op.last_level};
}

// Whether leaf entries of `level` in the item's range are all removed.
bool removes_leaves(const Geometry& g, const std::vector<Removed>& all, const Item& item,
                    Level level) {
    const std::uint64_t size = std::uint64_t{1} << entry_bits(g, level);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const Removed& r : all) {
        if (r.has_hint && static_cast<Level>(r.level_hint) != level) {
            continue;
        }
        // An entry goes when any address that it translates is named.
        spans.emplace_back(r.start / size * size, r.by_range ? (r.end + size - 1) / size * size
                                                             : r.start / size * size + size);
    }
    std::sort(spans.begin(), spans.end());
    std::uint64_t at = item.start;
    for (const auto& [start, end] : spans) {
        if (start > at) {
            break;
        }
        at = std::max(at, end);
    }
    return at >= item.end;
}

bool removes(const Geometry& g, const std::vector<Removed>& all, const Item& item) {
    if (!item.table) {
        return removes_leaves(g, all, item, item.level);
    }
    for (Level level = std::max(item.level, g.top_leaf_level()); level <= page_level; ++level) {
        if (!removes_leaves(g, all, item, level)) {
            return false;
        }
    }
    // A cached table descriptor goes with any address below it, but not for the ..LE1 forms.
    return std::any_of(all.begin(), all.end(), [&](const Removed& r) {
        return !r.last_level && !r.has_hint && r.start < item.end &&
               (r.by_range ? r.end > item.start : r.start >= item.start);
    });
}

void run(ByteChoices& choices) {
    const CpuFeatures f = choose_features(choices);
    const Geometry g = choose_geometry(choices, f);
    Owed owed;
    for (std::uint64_t items = choices.below(12); items != 0; --items) {
        add_item(choices, g, owed);
    }
    if (choices.below(32) == 1) {
        owed.invalidation.add_whole_vmid();
        owed.whole = owed.broadcast = true;
    }

    std::vector<Removed> removed;
    bool all = false;
    unsigned count = 0;
    plan_invalidation(g, f, owed.invalidation, [&](const TlbiOperation& op) {
        ++count;
        check(op.scope == InvalidationScope::inner_shareable || !owed.broadcast,
              "every CPU sees what every CPU has to see");
        check(!op.nxs || f.xs, "the nXS forms only with FEAT_XS");
        switch (op.kind) {
        case TlbiKind::ipas2:
            removed.push_back(decode_by_ipa(g, f, op));
            break;
        case TlbiKind::ripas2:
            removed.push_back(decode_by_range(g, f, op));
            break;
        case TlbiKind::vmalls12:
            all = true;
            break;
        case TlbiKind::vmalle1:
            check(false, "stage 1 is not the planner's");
        }
    });

    check(count <= most_instructions, "the number of instructions is bounded");
    check((count == 0) == (owed.items.empty() && !owed.whole), "only what owes nothing is free");
    check(all || !owed.whole, "all of the VMID goes if that is owed");
    check(!all || count == 1, "nothing beside an instruction that removes everything");
    for (const Item& item : owed.items) {
        check(all || removes(g, removed, item), "what is owed is removed");
    }
}

} // namespace
} // namespace twofold::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): as libFuzzer has it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    twofold::fuzz::ByteChoices choices{{data, size}};
    twofold::fuzz::run(choices);
    return 0;
}
