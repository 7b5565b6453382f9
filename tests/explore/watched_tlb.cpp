// SPDX-License-Identifier: MIT
#include "watched_tlb.hpp"

#include "hash.hpp"

#include <algorithm>
#include <cstdio>

namespace twofold::test {

namespace {

// Reference: the descriptor's fields, bits as in the manual.
constexpr std::uint64_t access_flag = std::uint64_t{1} << 10;
constexpr std::uint64_t contiguous = std::uint64_t{1} << 52;
constexpr std::uint64_t s2ap = 0xc0;
constexpr std::uint64_t type_and_shareability = 0x33c; // MemAttr 5:2, SH 9:8
constexpr std::uint64_t xn = std::uint64_t{3} << 53;

// {XN, XNX}: 00 EL1 and EL0, 01 EL0, 10 none, 11 EL1.
unsigned executes(std::uint64_t bits) {
    constexpr unsigned el1 = 1;
    constexpr unsigned el0 = 2;
    constexpr std::array<unsigned, 4> by_field{el1 | el0, el0, 0, el1};
    return by_field[(bits >> 53) & 3];
}

bool allows_all_of(std::uint64_t strong, std::uint64_t weak) {
    return (weak & s2ap & ~strong) == 0 && (executes(weak) & ~executes(strong)) == 0 &&
           ((weak ^ strong) & type_and_shareability) == 0;
}

struct Span {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::optional<int> level = {}; // the hint
};

Span span_of(const TlbiOperation& operation, unsigned page_bits) {
    const std::uint64_t x = operation.operand;
    if (operation.kind == TlbiKind::ipas2) {
        // [39:0] IPA[51:12], [47:44] TTL: a hint where its granule half is not 0.
        const std::uint64_t start = (x & 0xff'ffff'ffff) << 12;
        const unsigned ttl = (x >> 44) & 0xf;
        return {start, start + (std::uint64_t{1} << page_bits),
                ttl >> 2 == 0 ? std::nullopt : std::optional{static_cast<int>(ttl & 3)}};
    }
    // [36:0] BaseADDR, [38:37] TTL, [43:39] NUM, [45:44] SCALE.
    const std::uint64_t start = (x & 0x1f'ffff'ffff) << page_bits;
    const std::uint64_t num = (x >> 39) & 0x1f;
    const unsigned scale = (x >> 44) & 3;
    const unsigned ttl = (x >> 37) & 3;
    return {start, start + ((num + 1) << (5 * scale + 1 + page_bits)),
            ttl == 0 ? std::nullopt : std::optional{static_cast<int>(ttl)}};
}

} // namespace

std::uint64_t WalkShape::run(int level) const {
    std::uint64_t entries_in_run = 1;
    if (page_bits == 12) {
        entries_in_run = level >= 1 ? 16 : 1;
    } else if (page_bits == 14) {
        entries_in_run = level == 3 ? 128 : level == 2 ? 32 : 1;
    } else {
        entries_in_run = level >= 2 ? 32 : 1;
    }
    return entries_in_run <= entries(level) ? entries_in_run : 1;
}

void WatchedTlb::start(const WalkShape& shape, std::vector<std::uint64_t> ipas) {
    shape_ = shape;
    ipas_ = std::move(ipas);
    held_.clear();
    deciding_.clear();
    neighbours_.clear();
    written(0, 0);
}

std::uint64_t WatchedTlb::look(std::uint64_t address) {
    if (std::ranges::find(deciding_, address) == deciding_.end()) {
        deciding_.push_back(address);
    }
    return read_(address);
}

void WatchedTlb::walk(const Held& from, std::vector<Held>& found, Current* current) {
    const int level = from.level;
    const std::uint64_t table = from.address;
    const std::uint64_t size = std::uint64_t{1} << shape_.shift(level);
    const std::uint64_t index = (from.ipa >> shape_.shift(level)) & (shape_.entries(level) - 1);
    const std::uint64_t d = look(table + 8 * index);
    const auto led = [&](std::uint64_t entry) {
        Held next{.ipa = from.ipa, .level = from.level, .path = from.path};
        *std::ranges::find(next.path, 0U) = entry;
        return next;
    };
    if (shape_.is_table(d, level)) {
        Held node = led(table + 8 * index);
        ++node.level;
        node.address = shape_.next_table(d);
        found.push_back(node);
        walk(node, found, current);
        return;
    }
    const auto leaf = [&](std::uint64_t entry, std::uint64_t descriptor, std::uint64_t covers) {
        Held held = led(entry);
        held.leaf = true;
        // The output's low bits come from the input, over the whole of what the entry covers.
        held.address =
            (shape_.address(descriptor, level) & ~(covers - 1)) + (from.ipa & (covers - 1));
        held.size = covers;
        held.bits = descriptor & (s2ap | type_and_shareability | xn);
        return held;
    };
    const std::uint64_t run = shape_.run(level);
    if (shape_.is_leaf(d, level)) {
        const Held held = leaf(table + 8 * index, d, (d & contiguous) != 0 ? run * size : size);
        if ((d & access_flag) != 0) {
            found.push_back(held);
        }
        if (current != nullptr) {
            *current = {.leaf = true,
                        .accessed = (d & access_flag) != 0,
                        .address = held.address,
                        .size = held.size,
                        .bits = held.bits};
        }
    }
    if (run == 1) {
        return;
    }
    // A neighbour that is marked as one of a run speaks for the whole run.
    const std::uint64_t group = table + 8 * (index & ~(run - 1));
    if (std::ranges::find(neighbours_, group, &Stretch::start) == neighbours_.end()) {
        neighbours_.push_back({group, run});
    }
    for (std::uint64_t i = 0; i < run; ++i) {
        const std::uint64_t at = group + 8 * i;
        const std::uint64_t n = read_(at);
        if (shape_.is_leaf(n, level) && (n & contiguous) != 0 && (n & access_flag) != 0) {
            const Held held = leaf(at, n, run * size);
            if (std::ranges::none_of(found, [&](const Held& h) { return h.same(held); })) {
                found.push_back(held);
            }
        }
    }
}

std::string WatchedTlb::describe(const Held& held) const {
    char text[160];
    if (held.leaf) {
        std::snprintf(text, sizeof text, "%#llx -> %#llx (%llu KiB at level %d, bits %#llx%s)",
                      static_cast<unsigned long long>(held.ipa),
                      static_cast<unsigned long long>(held.address),
                      static_cast<unsigned long long>(held.size >> 10), held.level,
                      static_cast<unsigned long long>(held.bits), held.stale ? ", stale" : "");
    } else {
        std::snprintf(text, sizeof text, "%#llx by the level %d table at %#llx%s",
                      static_cast<unsigned long long>(held.ipa), held.level,
                      static_cast<unsigned long long>(held.address), held.stale ? ", stale" : "");
    }
    return text;
}

std::optional<std::string> WatchedTlb::add(const Held& found) {
    if (std::ranges::any_of(held_, [&](const Held& h) { return h.same(found); })) {
        return std::nullopt;
    }
    held_.push_back(found);
    held_.back().cpus = static_cast<std::uint8_t>((1U << cpus_) - 1);
    if (!found.leaf) {
        return std::nullopt;
    }
    for (const Held& other : held_) {
        if (other.leaf && other.ipa == found.ipa &&
            (other.address != found.address ||
             ((other.bits ^ found.bits) & type_and_shareability) != 0 ||
             (other.size != found.size && !shape_.block_changes))) {
            return "a TLB may hold two translations at once: " + describe(other) + " and " +
                   describe(found);
        }
    }
    return std::nullopt;
}

std::optional<std::string> WatchedTlb::add_from_stale_tables() {
    std::optional<std::string> wrong;
    // A walk finds all levels below, so what it adds need not be looked at.
    for (const Held& table : std::vector<Held>{held_}) {
        if (table.leaf || !table.stale) {
            continue;
        }
        std::vector<Held> found;
        walk(table, found, nullptr);
        for (Held below : found) {
            below.stale = true;
            below.writer = table.writer;
            below.seen_by_all = table.seen_by_all;
            below.seen_by = table.seen_by;
            below.writers = table.writers;
            below.progress = table.progress;
            if (auto w = add(below); w && !wrong) {
                wrong = std::move(w);
            }
        }
    }
    return wrong;
}

std::optional<std::string> WatchedTlb::written(unsigned cpu, std::uint64_t address) {
    const auto me = static_cast<std::uint8_t>(1U << cpu);
    std::vector<Held> found;
    std::vector<Current> current(ipas_.size());
    for (std::size_t i = 0; i < ipas_.size(); ++i) {
        walk({.ipa = ipas_[i], .level = shape_.initial_level, .address = shape_.root}, found,
             &current[i]);
    }
    for (Held& held : held_) {
        const auto again = std::ranges::find_if(found, [&](const Held& f) { return f.same(held); });
        if (again != found.end()) {
            held = *again;
            held.cpus = static_cast<std::uint8_t>((1U << cpus_) - 1);
            continue;
        }
        const auto at = std::ranges::find(ipas_, held.ipa) - ipas_.begin();
        const Current& now = current[static_cast<std::size_t>(at)];
        const bool harmless = held.leaf && now.leaf && now.address == held.address &&
                              now.size == held.size && allows_all_of(now.bits, held.bits);
        const bool begins = !held.stale;
        if (begins || (held.harmless && !harmless)) {
            held.stale = true;
            held.relaxed_by = begins && harmless ? static_cast<std::uint8_t>(cpu) : none;
            held.aged = harmless && !now.accessed;
            held.writer = static_cast<std::uint8_t>(cpu);
            held.writers = me;
            held.seen_by_all = false;
            held.seen_by = 0;
            held.progress = held.local = {};
        } else if (held.led_by(address)) {
            held.writers |= me;
        }
        held.harmless = harmless; // what was broken may have been put back
    }
    std::optional<std::string> wrong;
    for (const Held& f : found) {
        if (auto w = add(f); w && !wrong) {
            wrong = std::move(w);
        }
    }
    if (auto w = add_from_stale_tables(); w && !wrong) {
        wrong = std::move(w);
    }
    rehash();
    return wrong;
}

bool WatchedTlb::covers(const TlbiOperation& operation, const Held& held) const {
    const Span span = span_of(operation, shape_.page_bits);
    if (!held.leaf) {
        // With a hint or in the last-level form, tables on the way may stay.
        return !operation.last_level && !span.level && span.start <= held.ipa &&
               held.ipa < span.end;
    }
    const std::uint64_t start = held.ipa & ~(held.size - 1);
    return (!span.level || *span.level == held.level) && span.start < start + held.size &&
           start < span.end;
}

void WatchedTlb::tlbi(unsigned cpu, const TlbiOperation& operation) {
    const bool local = operation.scope == InvalidationScope::local;
    for (Held& held : held_) {
        const bool seen = held.seen_by_all || (local && (held.seen_by >> cpu & 1) != 0);
        if (!held.stale || !seen) {
            continue;
        }
        std::uint8_t& progress = (local ? held.local : held.progress)[cpu];
        if (operation.kind == TlbiKind::vmalls12) {
            progress = combined_issued;
        } else if (operation.kind == TlbiKind::vmalle1) {
            progress = progress == stage2_done ? combined_issued : progress;
        } else if (progress == untouched && covers(operation, held)) {
            progress = stage2_issued;
        }
    }
    rehash();
}

void WatchedTlb::barrier(unsigned cpu, Barrier barrier) {
    const bool everywhere = barrier == Barrier::dsb_ish || barrier == Barrier::dsb_ish_nxs;
    const bool here = everywhere || barrier == Barrier::dsb_nsh || barrier == Barrier::dsb_nsh_nxs;
    for (Held& held : held_) {
        if (held.stale && (held.writers >> cpu & 1) != 0 && barrier != Barrier::isb) {
            held.seen_by |= static_cast<std::uint8_t>(1U << cpu);
            held.seen_by_all |= everywhere || barrier == Barrier::dsb_ishst;
        }
        const auto complete = [&](std::uint8_t& progress) {
            const bool gone =
                progress == combined_issued || (progress == stage2_issued && !held.leaf);
            progress = progress == stage2_issued ? stage2_done : progress;
            return gone;
        };
        if (everywhere && complete(held.progress[cpu])) {
            held.cpus = 0;
        }
        if (here && complete(held.local[cpu])) {
            held.cpus &= static_cast<std::uint8_t>(~(1U << cpu));
        }
    }
    std::erase_if(held_, [](const Held& held) { return held.cpus == 0; });
    add_from_stale_tables();
    rehash();
}

std::optional<std::string> WatchedTlb::settled(unsigned cpu) const {
    for (const Held& held : held_) {
        if (!held.stale) {
            continue;
        }
        if (held.writer == cpu && (!held.leaf || !held.harmless || held.aged)) {
            return "after the discharge a TLB may still hold " + describe(held);
        }
        if (held.relaxed_by == cpu && (held.cpus >> cpu & 1) != 0) {
            return "after the discharge this CPU may still hold the weaker " + describe(held);
        }
    }
    return std::nullopt;
}

bool WatchedTlb::may_walk(std::uint64_t ipa, std::uint64_t table, int level) const {
    return (table == shape_.root && level == shape_.initial_level) ||
           std::ranges::any_of(held_, [&](const Held& h) {
               return !h.leaf && h.ipa == ipa && h.address == table && h.level == level;
           });
}

bool WatchedTlb::holds_table(std::uint64_t table) const {
    return std::ranges::any_of(held_, [&](const Held& h) { return !h.leaf && h.address == table; });
}

void WatchedTlb::rehash() {
    hash_ = 0;
    for (const Held& h : held_) {
        std::uint64_t one = mix(h.ipa, h.address);
        one = mix(one, h.size | (h.leaf ? 1U : 0U) | (h.stale ? 2U : 0U) | (h.harmless ? 4U : 0U) |
                           (h.aged ? 8U : 0U) | (h.seen_by_all ? 16U : 0U));
        one = mix(one, h.bits ^ static_cast<std::uint64_t>(h.level));
        one = mix(one, h.writer + (std::uint64_t{h.cpus} << 8) + (std::uint64_t{h.writers} << 16) +
                           (std::uint64_t{h.seen_by} << 24) + (std::uint64_t{h.relaxed_by} << 32));
        for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
            one = mix(one, h.progress[cpu] + (std::uint64_t{h.local[cpu]} << 8));
        }
        hash_ += scramble(one); // in whatever order they are held
    }
}

} // namespace twofold::test
