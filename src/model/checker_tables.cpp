// SPDX-License-Identifier: MIT
// Tables come and go: linked and unlinked with all below them, freed, retired, used again.
#include <twofold/model/checker.hpp>

#include <algorithm>

namespace twofold::model {

std::uint32_t Checker::page_of(std::uint64_t address) const {
    return pages_.find(address >> granule_bits(config_.geometry.granule()));
}

// Of concatenated tables each page is full; a single root table may not be.
unsigned Checker::entries(const TablePage& page) const {
    return std::min(config_.geometry.entries(page.level), config_.geometry.entries_below_root());
}

bool Checker::in_section_since(std::uint64_t event) const {
    for (unsigned i = 0; i < max_cpus; ++i) {
        if (i != event_.cpu && cpus_[i].sections != 0 && cpus_[i].section_since < event) {
            return true;
        }
    }
    return false;
}

// The root is live from now on, and what is below it.
void Checker::attach(std::uint64_t root) {
    if (attached_) {
        if (root != root_) {
            report(Rule::root_changed, {.address = root}, root_, root);
        }
        return;
    }
    attached_ = true;
    root_ = root;
    const Geometry& g = config_.geometry;
    const std::uint64_t first = root >> granule_bits(g.granule());
    for (unsigned i = 0; i < g.root_tables(); ++i) {
        std::uint32_t page = pages_.find(first + i);
        if (page == no_index) {
            page = pages_.insert(first + i);
        }
        if (page == no_index) {
            report(Rule::out_of_memory, {.address = root}, 0, 0);
            return;
        }
        TablePage& p = pages_[page];
        p.level = static_cast<std::int8_t>(g.initial_level());
        p.ipa = static_cast<std::uint64_t>(i) * g.entries_below_root()
                << g.shift(g.initial_level());
        enter(page, no_index);
    }
}

// The entry points to `table` from now on. With `record`, the entry is itself in a table that is
// unlinked, and so is what it points to.
void Checker::link(const At& entry, std::uint64_t table, std::uint32_t record) {
    const std::uint32_t page = page_of(table);
    if (page == no_index || pages_[page].state == PageState::retired) {
        report(Rule::table_not_allocated, entry, 0, table);
        return;
    }
    TablePage& p = pages_[page];
    if (p.state == PageState::detached) {
        forget(p.record);
    }
    if (p.state == PageState::live || p.state == PageState::detached) {
        report(Rule::table_linked_twice, entry, 0, table,
               p.state == PageState::detached ? cause(old_[p.record]) : Cause::none);
        return;
    }
    p.level = static_cast<std::int8_t>(entry.level + 1);
    p.ipa = entry.ipa;
    p.parent = entry.page;
    p.parent_index = static_cast<std::uint16_t>(entry.index);
    enter(page, record);
}

void Checker::enter(std::uint32_t page, std::uint32_t record) {
    TablePage& p = pages_[page];
    p.marked = 0;
    p.since = number_;
    p.state = PageState::live;
    if (record != no_index) {
        OldValue& old = old_[record];
        p.state = PageState::detached;
        p.record = record;
        p.next_detached = old.first_detached;
        old.first_detached = page;
    }
    const unsigned run = config_.geometry.contiguous_run(p.level);
    unsigned checked = ~0U; // the last run that was looked at
    for (unsigned i = 0; i < entries(p); ++i) {
        const At entry = at(page, i);
        const std::uint64_t value = load(entry.address);
        if ((value & 1) == 0) {
            continue;
        }
        check_format(entry, value);
        if (record != no_index && values_.cacheable(value, p.level)) {
            OldValue& old = old_[record];
            old.step = static_cast<std::uint8_t>(
                std::min<unsigned>(old.step, config_.geometry.shift(p.level)));
        }
        if (values_.is_table(value, p.level)) {
            link(entry, values_.next_table(value), record);
        } else if (CachedValues::contiguous(value) && run > 1) {
            ++p.marked;
            if (record == no_index && checked != i / run) {
                checked = i / run;
                check_run(entry, true);
            }
        }
    }
}

// The table and all below it, which `record` led to. An entry that points to what is linked
// somewhere else, or above itself, was reported and takes nothing with it.
void Checker::detach(const At& entry, std::uint64_t table, std::uint32_t record) {
    const std::uint32_t page = page_of(table);
    if (page == no_index || pages_[page].state != PageState::live ||
        pages_[page].parent != entry.page || pages_[page].parent_index != entry.index) {
        return;
    }
    TablePage& p = pages_[page];
    p.since = number_;
    p.parent = no_index;
    if (record == no_index) {
        p.state = PageState::left; // there was no memory to follow it
        while (p.first_old != no_index) {
            drop_old(p.first_old);
        }
    } else {
        p.state = PageState::detached;
        p.record = record;
        p.next_detached = old_[record].first_detached;
        old_[record].first_detached = page;
        fold(old_[record], page);
    }
    const unsigned shift = config_.geometry.shift(p.level);
    for (unsigned i = 0; i < entries(p); ++i) {
        const At below = at(page, i);
        const std::uint64_t value = load(below.address);
        if (values_.is_table(value, p.level)) {
            detach(below, values_.next_table(value), record);
        }
        if (record != no_index && values_.cacheable(value, p.level)) {
            OldValue& old = old_[record];
            old.step = static_cast<std::uint8_t>(std::min<unsigned>(old.step, shift));
            old.xs = old.xs || (values_.is_leaf(value, p.level) && values_.may_have_xs(value));
        }
    }
}

// What is still to go of the page's entries goes with the table that led to it.
void Checker::fold(OldValue& into, std::uint32_t page) {
    TablePage& p = pages_[page];
    while (p.first_old != no_index) {
        const std::uint32_t index = p.first_old;
        if (forget(index)) {
            continue;
        }
        OldValue& old = old_[index];
        into.step = std::min(into.step, old.step);
        into.xs = into.xs || old.xs;
        const auto record = pages_[page].record;
        while (old.first_detached != no_index) {
            const std::uint32_t moved = old.first_detached;
            old.first_detached = pages_[moved].next_detached;
            pages_[moved].record = record;
            pages_[moved].next_detached = into.first_detached;
            into.first_detached = moved;
        }
        drop_old(index);
    }
}

void Checker::allocate(const Event& event) {
    const unsigned shift = granule_bits(config_.geometry.granule());
    for (std::uint64_t at = event.address; at < event.address + event.after; at += 1ULL << shift) {
        std::uint32_t page = page_of(at);
        if (page != no_index) {
            const TablePage& p = pages_[page];
            if (p.state != PageState::retired) {
                report(Rule::table_allocated_twice, {.address = at, .ipa = p.ipa}, 0, 0);
            } else if (in_section_since(p.since)) {
                report(Rule::table_reused_in_section, {.address = at, .ipa = p.ipa}, 0, 0);
            }
            forget_page(page);
        }
        page = pages_.insert(at >> shift);
        if (page == no_index) {
            report(Rule::out_of_memory, {.address = at}, 0, 0);
            return;
        }
    }
}

void Checker::give_back(const Event& event, bool retire) {
    const unsigned shift = granule_bits(config_.geometry.granule());
    for (std::uint64_t at = event.address; at < event.address + event.after; at += 1ULL << shift) {
        const std::uint32_t page = page_of(at);
        if (page == no_index || pages_[page].state == PageState::retired) {
            report(Rule::table_not_allocated, {.address = at}, 0, 0);
        } else {
            give_back(page, event, retire);
        }
    }
}

void Checker::give_back(std::uint32_t page, const Event& event, bool retire) {
    TablePage& p = pages_[page];
    const At where{.level = p.level, .address = event.address, .ipa = p.ipa};
    if (p.state == PageState::detached) {
        forget(p.record);
    }
    if (p.state == PageState::live) {
        report(Rule::table_freed_live, where, 0, 0);
    } else if (p.state == PageState::detached) {
        const OldValue& old = old_[p.record];
        report(Rule::table_freed_in_tlb, where, old.value, 0, cause(old));
    } else if (p.state == PageState::left && !retire && in_section_since(p.since)) {
        report(Rule::table_freed_in_section, where, 0, 0);
    }
    const std::uint64_t key = p.key;
    const bool known = p.state != PageState::fresh;
    forget_page(page);
    if (retire && known) {
        // The same element is free now, so there is room.
        TablePage& retired = pages_[pages_.insert(key)];
        retired.state = PageState::retired;
        retired.since = number_;
    }
}

void Checker::forget_page(std::uint32_t page) {
    TablePage& p = pages_[page];
    while (p.first_old != no_index) {
        drop_old(p.first_old);
    }
    if (p.state == PageState::detached) {
        std::uint32_t* link = &old_[p.record].first_detached;
        while (*link != page) {
            link = &pages_[*link].next_detached;
        }
        *link = p.next_detached;
    }
    for (unsigned i = 0; i < open_run_count_;) {
        if (open_runs_[i].page == page) {
            open_runs_[i] = open_runs_[--open_run_count_];
        } else {
            ++i;
        }
    }
    pages_.erase(page);
}

void Checker::teardown() {
    for_each_old([&](std::uint32_t old) { drop_old(old); });
    open_run_count_ = 0;
    attached_ = false;
    pages_.for_each([&](TablePage& p) {
        if (p.state != PageState::retired) {
            p.state = PageState::fresh;
            p.parent = no_index;
        }
    });
    for (CheckedCpu& c : cpus_) {
        c.tlbi_without_isb = false;
        c.made_valid = 0;
    }
}

bool Checker::same_translation(std::uint64_t block, int level, std::uint64_t table) const {
    const std::uint32_t page = page_of(table);
    if (page == no_index || level >= page_level || !values_.is_leaf(block, level)) {
        return false;
    }
    const Geometry& g = config_.geometry;
    const int below = level + 1;
    // Not compared: the address, which is below; type, nT and the Contiguous bit; AF; dirty state.
    const bool dirty = CachedValues::dirty_state(block);
    std::uint64_t free = values_.address_mask(page_level) | values_.address_mask(level) | 3 |
                         1ULL << 10 | 1ULL << 16 | 1ULL << 52 | 0xfULL << 55 | 0x1fULL << 59;
    free |= dirty ? 1ULL << 7 : 0;
    std::uint64_t output = values_.output(block, level);
    const std::uint64_t start = table & ~(g.page_size() - 1);
    for (unsigned i = 0; i < g.entries_below_root(); ++i, output += g.entry_size(below)) {
        const std::uint64_t value = load(start + 8ULL * i);
        if (values_.is_table(value, below)) {
            const std::uint64_t next = values_.next_table(value);
            const std::uint64_t as_block = first_leaf_as_block(next, below);
            if (((as_block ^ block) & ~free) != 0 || values_.output(as_block, below) != output ||
                !same_translation(as_block, below, next)) {
                return false;
            }
        } else if (!values_.is_leaf(value, below) || values_.output(value, below) != output ||
                   ((value ^ block) & ~free) != 0) {
            return false;
        }
    }
    return true;
}

// The block of `level` that the table would be, if its leaves were all as its first.
std::uint64_t Checker::first_leaf_as_block(std::uint64_t table, int level) const {
    int below = level + 1;
    std::uint64_t value = load(table);
    while (values_.is_table(value, below)) {
        value = load(values_.next_table(value));
        ++below;
    }
    return values_.is_leaf(value, below) ? value & ~(2ULL | 1ULL << 52) : 0;
}

} // namespace twofold::model
