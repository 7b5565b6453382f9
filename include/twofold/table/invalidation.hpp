// SPDX-License-Identifier: MIT
// Invalidation: what a change of the tables still owes - translations to remove from every TLB, and
// then tables to free. It is filled by operations and discharged once by Stage2::discharge().
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/field.hpp>
#include <twofold/arch/granule.hpp>
#include <twofold/arch/tlbi_operation.hpp>
#include <twofold/table/invalid_entry.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace twofold {

struct InvalidationRange {
    Ipa start = {};
    std::uint64_t length = 0;
    // The level of every entry to go; without it they may be of any level.
    std::optional<Level> level = {};

    constexpr Ipa end() const { return start + length; }
    constexpr bool operator==(const InvalidationRange&) const = default;
};

// Freed tables wait as a list threaded through their first descriptors: an address aligned to the
// granule, so to hardware an invalid descriptor.
struct TableList {
    std::optional<Pa> head = {};
    std::uint64_t count = 0;
};

// Move-only, so that an obligation has one owner. Its destruction while something is owed is a bug
// of the caller and traps.
class Invalidation {
public:
    static constexpr unsigned capacity = 8;

    constexpr Invalidation() = default;
    Invalidation(const Invalidation&) = delete;
    Invalidation& operator=(const Invalidation&) = delete;
    Invalidation& operator=(Invalidation&&) = delete;
    constexpr Invalidation(Invalidation&& other) noexcept
        : ranges_{other.ranges_},
          tables_{other.tables_},
          state_{other.state_} {
        other.clear();
    }
    constexpr ~Invalidation() {
        if (!empty()) {
            __builtin_trap();
        }
    }

    // Nothing owed: neither a TLBI nor a table to free.
    constexpr bool empty() const { return !needs_tlbi() && tables_.count == 0 && ticket() == 0; }
    constexpr bool needs_tlbi() const { return ((count::mask | whole::mask) & state_) != 0; }

    // All translations of the VMID go; ranges() is empty then.
    constexpr bool whole_vmid() const { return whole::is_set(state_); }
    constexpr std::span<const InvalidationRange> ranges() const {
        return {ranges_.data(), count::get(state_)};
    }
    constexpr InvalidationScope scope() const {
        return everywhere::is_set(state_) ? InvalidationScope::inner_shareable
                                          : InvalidationScope::local;
    }
    // Only leaf entries changed, so that cached table entries may stay (TLBI ..LE1).
    constexpr bool leaf_only() const { return !of_tables::is_set(state_); }
    // All leaves that changed have FnXS set, so that no access with the XS attribute can be under
    // way through them (TLBI ..nXS, where there is FEAT_XS).
    constexpr bool nxs() const { return !xs::is_set(state_); }
    constexpr std::uint64_t tables_to_free() const { return tables_.count; }

    // Whether a translation of [ipa, ipa + length) is still to go.
    constexpr bool overlaps(Ipa ipa, std::uint64_t length) const {
        return whole_vmid() || std::ranges::any_of(ranges(), [&](const InvalidationRange& r) {
                   return r.start < ipa + length && ipa < r.end();
               });
    }

    // A leaf of `level` at `ipa` changed.
    [[gnu::always_inline]] constexpr void
    add_leaf(Ipa ipa, std::uint64_t size, Level level,
             InvalidationScope scope = InvalidationScope::inner_shareable, bool fnxs = false) {
        add({.start = ipa, .length = size, .level = level},
            reach(scope, fnxs) | stores::mask | several::mask);
    }
    // A table descriptor that covers [ipa, ipa + size) changed: entries of any level, and the
    // cached table descriptor itself, go.
    constexpr void add_table(Ipa ipa, std::uint64_t size) {
        add({.start = ipa, .length = size, .level = std::nullopt}, any_change);
    }
    constexpr void add_whole_vmid() { state_ = (state_ & ~count::mask) | any_change | whole::mask; }

    // For the engine: tables that may be freed once the TLBIs are complete.
    constexpr TableList& tables() {
        state_ |= several::mask;
        return tables_;
    }
    // For the engine: what its tombstones carry (Tickets), and 0 before the first.
    constexpr std::uint64_t ticket() const { return state_ & invalid_entry::payload::mask; }
    constexpr void set_ticket(std::uint64_t ticket) {
        state_ = (state_ & ~invalid_entry::payload::mask) | ticket;
    }
    // For the engine: nothing owed, no ticket.
    constexpr bool is_new() const { return state_ == 0; }
    // For the engine, of a new one: what one fault owes, a page, whose stores are complete.
    [[gnu::always_inline]] constexpr void set_page(Ipa ipa, std::uint64_t size,
                                                   InvalidationScope scope, bool fnxs,
                                                   std::uint64_t ticket = 0) {
        ranges_[0].start = ipa;
        ranges_[0].length = size;
        ranges_[0].level = pages;
        state_ = reach(scope, fnxs) | count::of(1) | ticket;
    }
    constexpr bool is_one_page() const {
        return (state_ & (count::mask | of_tables::mask | whole::mask | several::mask |
                          stores::mask)) == count::of(1);
    }
    constexpr Ipa first_start() const { return ranges_[0].start; }
    // For the engine: the stores that led here are visible to every walker (DSB ISHST).
    constexpr bool stores_complete() const { return !stores::is_set(state_); }
    constexpr void set_stores_complete() { state_ &= ~stores::mask; }
    // For the engine: everything is done.
    constexpr void clear() {
        tables_ = {};
        clear_leaves();
    }
    // The same where there are no tables.
    constexpr void clear_leaves() { state_ = 0; }

private:
    static constexpr std::optional<Level> pages = page_level;

    // One word, because a fault looks at all of it: nothing is owed if it is 0.
    using everywhere = Field<0>; // inner shareable
    using count = Field<4, 1>;   // of ranges_
    using of_tables = Field<5>;  // table descriptors changed, too
    using xs = Field<11>;        // of leaves without FnXS
    using whole = Field<7>;      // all of the VMID
    using stores = Field<8>;     // that walkers may not see yet
    using several = Field<9>;    // not just one page
    // 47:12 invalid_entry::payload: the ticket
    static constexpr std::uint64_t any_change =
        everywhere::mask | of_tables::mask | xs::mask | stores::mask | several::mask;
    static_assert(capacity <= count::max);

    static constexpr std::uint64_t reach(InvalidationScope scope, bool fnxs) {
        return everywhere::of(scope == InvalidationScope::inner_shareable ? 1 : 0) |
               xs::of(fnxs ? 0 : 1);
    }
    [[gnu::always_inline]] constexpr void add(const InvalidationRange& range,
                                              std::uint64_t change) {
        const bool first = !needs_tlbi();
        state_ |= change;
        if (first) {
            ranges_[0] = range;
            state_ |= count::of(1);
            return;
        }
        join(range);
    }
    constexpr void join(const InvalidationRange& range) {
        if (whole_vmid()) {
            return;
        }
        // Operations go upwards, so only the last range can be a neighbour, or lie inside a table
        // that has become empty and goes as a whole.
        std::uint64_t ranges = count::get(state_);
        while (ranges != 0) {
            InvalidationRange& last = ranges_[ranges - 1];
            if (last.level == range.level && last.start <= range.start &&
                range.start <= last.end()) {
                last.length = std::max(last.end(), range.end()) - last.start;
                state_ = count::set(state_, ranges);
                return;
            }
            if (range.level || last.start < range.start || range.end() < last.end()) {
                break;
            }
            --ranges;
        }
        if (ranges == capacity) {
            add_whole_vmid();
            return;
        }
        ranges_[ranges] = range;
        state_ = count::set(state_, ranges + 1);
    }

    std::array<InvalidationRange, capacity> ranges_ = {};
    TableList tables_ = {};
    std::uint64_t state_ = 0;
};

} // namespace twofold
