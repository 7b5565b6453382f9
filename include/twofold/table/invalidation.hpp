// SPDX-License-Identifier: MIT
// Invalidation: what a change of the tables still owes - translations to remove from every TLB, and
// then tables to free. It is filled by operations and discharged once by Stage2::discharge().
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/granule.hpp>
#include <twofold/arch/tlbi_operation.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

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
          count_{other.count_},
          scope_{other.scope_},
          leaf_only_{other.leaf_only_},
          nxs_{other.nxs_},
          whole_{other.whole_},
          stores_complete_{other.stores_complete_},
          one_page_{other.one_page_},
          ticket_{other.ticket_} {
        other.clear();
    }
    constexpr ~Invalidation() {
        if (!empty()) {
            __builtin_trap();
        }
    }

    // Nothing owed: neither a TLBI nor a table to free.
    constexpr bool empty() const { return !needs_tlbi() && tables_.count == 0 && ticket_ == 0; }
    constexpr bool needs_tlbi() const { return count_ != 0 || whole_; }

    // All translations of the VMID go; ranges() is empty then.
    constexpr bool whole_vmid() const { return whole_; }
    constexpr std::span<const InvalidationRange> ranges() const { return {ranges_.data(), count_}; }
    constexpr InvalidationScope scope() const { return scope_; }
    // Only leaf entries changed, so that cached table entries may stay (TLBI ..LE1).
    constexpr bool leaf_only() const { return leaf_only_; }
    // All leaves that changed have FnXS set, so that no access with the XS attribute can be under
    // way through them (TLBI ..nXS, where there is FEAT_XS).
    constexpr bool nxs() const { return nxs_; }
    constexpr std::uint64_t tables_to_free() const { return tables_.count; }

    // Whether a translation of [ipa, ipa + length) is still to go.
    constexpr bool overlaps(Ipa ipa, std::uint64_t length) const {
        return whole_ || std::ranges::any_of(ranges(), [&](const InvalidationRange& r) {
                   return r.start < ipa + length && ipa < r.end();
               });
    }

    // A leaf of `level` at `ipa` changed.
    [[gnu::always_inline]] constexpr void
    add_leaf(Ipa ipa, std::uint64_t size, Level level,
             InvalidationScope scope = InvalidationScope::inner_shareable, bool fnxs = false) {
        nxs_ &= fnxs;
        add({.start = ipa, .length = size, .level = level}, scope);
    }
    // A table descriptor that covers [ipa, ipa + size) changed: entries of any level, and the
    // cached table descriptor itself, go.
    constexpr void add_table(Ipa ipa, std::uint64_t size) {
        nxs_ = false;
        leaf_only_ = false;
        add({.start = ipa, .length = size, .level = std::nullopt},
            InvalidationScope::inner_shareable);
    }
    constexpr void add_whole_vmid() {
        stores_complete_ = false;
        one_page_ = false;
        whole_ = true;
        count_ = 0;
        leaf_only_ = false;
        nxs_ = false;
        scope_ = InvalidationScope::inner_shareable;
    }

    // For the engine: tables that may be freed once the TLBIs are complete.
    constexpr TableList& tables() { return tables_; }
    // For the engine: what its tombstones carry, 0 before the first (Tickets).
    constexpr std::uint64_t ticket() const { return ticket_; }
    constexpr void set_ticket(std::uint64_t ticket) { ticket_ = ticket; }
    // For the engine: what one fault owes, a page. As add_leaf(), and remembered if it is all.
    [[gnu::always_inline]] constexpr void add_page(Ipa ipa, std::uint64_t size,
                                                   InvalidationScope scope, bool fnxs) {
        if (count_ != 0 || whole_) [[unlikely]] {
            add_leaf(ipa, size, page_level, scope, fnxs);
            return;
        }
        ranges_[0] = {.start = ipa, .length = size, .level = page_level};
        count_ = 1;
        one_page_ = leaf_only_ && tables_.count == 0;
        nxs_ &= fnxs;
        scope_ = std::max(scope_, scope);
        stores_complete_ = false;
    }
    constexpr bool is_one_page() const { return one_page_; }
    constexpr Ipa first_start() const { return ranges_[0].start; }
    // For the engine: the stores that led here are visible to every walker (DSB ISHST).
    constexpr bool stores_complete() const { return stores_complete_; }
    constexpr void set_stores_complete() { stores_complete_ = true; }
    // For the engine: everything is done.
    constexpr void clear() {
        tables_ = {};
        clear_leaves();
    }
    // The same where there are no tables.
    constexpr void clear_leaves() {
        count_ = 0;
        scope_ = InvalidationScope::local;
        leaf_only_ = true;
        nxs_ = true;
        whole_ = false;
        stores_complete_ = true;
        one_page_ = false;
        ticket_ = 0;
    }

private:
    [[gnu::always_inline]] constexpr void add(const InvalidationRange& range,
                                              InvalidationScope scope) {
        stores_complete_ = false;
        one_page_ = false;
        scope_ = std::max(scope_, scope);
        if (count_ == 0 && !whole_) {
            ranges_[0] = range;
            count_ = 1;
            return;
        }
        join(range);
    }
    constexpr void join(const InvalidationRange& range) {
        if (whole_) {
            return;
        }
        // Operations go upwards, so only the last range can be a neighbour, or lie inside a table
        // that has become empty and goes as a whole.
        while (count_ != 0) {
            InvalidationRange& last = ranges_[count_ - 1];
            if (last.level == range.level && last.start <= range.start &&
                range.start <= last.end()) {
                last.length = std::max(last.end(), range.end()) - last.start;
                return;
            }
            if (range.level || last.start < range.start || range.end() < last.end()) {
                break;
            }
            --count_;
        }
        if (count_ == capacity) {
            add_whole_vmid();
            return;
        }
        ranges_[count_++] = range;
    }

    std::array<InvalidationRange, capacity> ranges_ = {};
    TableList tables_ = {};
    unsigned count_ = 0;
    InvalidationScope scope_ = InvalidationScope::local;
    bool leaf_only_ = true;
    bool nxs_ = true;
    bool whole_ = false;
    bool stores_complete_ = true;
    bool one_page_ = false;
    std::uint64_t ticket_ = 0;
};

} // namespace twofold
