// SPDX-License-Identifier: MIT
// Old values: what entries said before, until no TLB can have it any more.
#include <twofold/model/checker.hpp>

#include <algorithm>

namespace twofold::model {

Need Checker::need(int level, std::uint64_t before, std::uint64_t after) const {
    if (!values_.is_leaf(before, level) || !values_.is_leaf(after, level) ||
        CachedValues::fixed(before) != CachedValues::fixed(after)) {
        return Need::required;
    }
    const unsigned had = values_.grants(before);
    const unsigned has = values_.grants(after);
    if ((had & ~has) != 0) {
        return Need::required;
    }
    // Where hardware may allow writes a TLB need not know that they are allowed already.
    const unsigned known = (had & 4) != 0 ? had | 2 : had;
    return (has & ~known) == 0 ? Need::same : Need::upgrade;
}

std::uint32_t Checker::add_old(const At& entry, std::uint64_t before, std::uint64_t after) {
    const bool table = values_.is_table(before, entry.level);
    if (!table && values_.is_leaf(after, entry.level) && values_.same_leaf(before, after) &&
        CachedValues::access_flag(after)) {
        return no_index; // a TLB cannot tell them apart
    }
    std::uint32_t index = old_.find(entry.address);
    while (index != no_index &&
           (table || old_[index].table || !values_.same_leaf(old_[index].value, before))) {
        index = old_.find_next(index);
    }
    if (index == no_index) {
        index = old_.insert(entry.address);
        if (index == no_index) {
            report(Rule::out_of_memory, entry, before, after);
            return no_index;
        }
        TablePage& page = pages_[entry.page];
        OldValue& old = old_[index];
        old.page = entry.page;
        old.next_in_page = page.first_old;
        if (page.first_old != no_index) {
            old_[page.first_old].prev_in_page = index;
        } else {
            page.next_with_old = first_with_old_;
            page.prev_with_old = no_index;
            if (first_with_old_ != no_index) {
                pages_[first_with_old_].prev_with_old = entry.page;
            }
            first_with_old_ = entry.page;
        }
        page.first_old = index;
    }
    OldValue& old = old_[index];
    old.value = before;
    old.stored_at = number_;
    old.issued_at = 0;
    old.covered = entry.ipa;
    old.storer = event_.cpu;
    old.issuer = event_.cpu;
    old.stage = Stage::stored;
    old.need = need(entry.level, before, after);
    old.near_miss = Cause::not_invalidated;
    old.step = static_cast<std::uint8_t>(config_.geometry.shift(entry.level));
    old.table = table;
    old.xs = !table && values_.may_have_xs(before);
    old.nxs = old.local = old.own_done = false;
    return index;
}

void Checker::drop_old(std::uint32_t index) {
    OldValue& old = old_[index];
    for (std::uint32_t page = old.first_detached; page != no_index;) {
        TablePage& p = pages_[page];
        const std::uint32_t next = p.next_detached;
        if (p.state == PageState::detached && p.record == index) {
            p.state = PageState::left;
            p.record = no_index;
        }
        p.next_detached = no_index;
        page = next;
    }
    TablePage& page = pages_[old.page];
    if (old.prev_in_page != no_index) {
        old_[old.prev_in_page].next_in_page = old.next_in_page;
    } else {
        page.first_old = old.next_in_page;
    }
    if (old.next_in_page != no_index) {
        old_[old.next_in_page].prev_in_page = old.prev_in_page;
    }
    if (page.first_old == no_index) {
        if (page.prev_with_old != no_index) {
            pages_[page.prev_with_old].next_with_old = page.next_with_old;
        } else {
            first_with_old_ = page.next_with_old;
        }
        if (page.next_with_old != no_index) {
            pages_[page.next_with_old].prev_with_old = page.prev_with_old;
        }
        page.next_with_old = page.prev_with_old = no_index;
    }
    old_.erase(index);
}

// Whether the DSB that the last TLBI needs has been executed, by the CPU that issued it.
bool Checker::complete(const OldValue& old) const {
    if (old.stage == Stage::stored) {
        return false;
    }
    const CheckedCpu& c = cpus_[old.issuer];
    const std::uint64_t all = old.local ? std::max(c.all_here, c.all_everywhere) : c.all_everywhere;
    const std::uint64_t nxs = old.local ? std::max(c.nxs_here, c.nxs_everywhere) : c.nxs_everywhere;
    return (old.nxs ? nxs : all) > old.issued_at;
}

bool Checker::forget(std::uint32_t index) {
    OldValue& old = old_[index];
    if (old.stage != Stage::combined || !complete(old)) {
        return false;
    }
    if (!old.local) {
        drop_old(index);
        return true;
    }
    // The CPU that granted more has noticed; others may keep what they have.
    old.own_done = true;
    old.local = false;
    old.stage = Stage::stored;
    old.near_miss = Cause::local_only;
    return false;
}

Cause Checker::cause(const OldValue& old) const {
    switch (old.stage) {
    case Stage::stored:
        return old.table && old.covered != at(old).ipa ? Cause::range_not_covered : old.near_miss;
    case Stage::removed:
        return complete(old) ? Cause::combined_not_removed : Cause::no_dsb_after_tlbi;
    case Stage::combined:
        return Cause::no_dsb_after_vmalle1;
    }
    return Cause::none;
}

Checker::At Checker::at(const OldValue& old) const {
    const std::uint64_t mask = granule_bytes(config_.geometry.granule()) - 1;
    return at(old.page, static_cast<unsigned>((old.key & mask) / 8));
}

} // namespace twofold::model
