// SPDX-License-Identifier: MIT
// World: table memory - who has a page, who may still be in it, and what leads to it.
#include "at_address.hpp"
#include "hash.hpp"
#include "world.hpp"

namespace twofold::test {

void World::finish() {
    std::vector<std::uint8_t> seen(pages_.size());
    const std::size_t root = page_at(shape_.root);
    for (unsigned i = 0; i < pages_[root].pages; ++i) {
        seen[root + i] = 1;
    }
    count_reachable(shape_.root, shape_.initial_level, seen);
    for (std::size_t page = 0; page < pages_.size(); ++page) {
        const bool live = pages_[page].state == PageState::live;
        const std::uint64_t address = base.value + (page << page_bits_);
        if (live && seen[page] == 0) {
            report(at_address("at the end nothing leads to the table, which was not given back:",
                              address));
        } else if (!live && seen[page] != 0) {
            report(at_address("at the end a table is in use that was given back:", address));
        } else if (pages_[page].state == PageState::retired) {
            report(at_address("at the end a table still waits, but no section is open:", address));
        }
    }
}

std::optional<Pa> World::allocate(std::uint64_t bytes) {
    const unsigned owner = scheduled() ? fibers_.running() : fibers_.count();
    const auto pages = static_cast<unsigned>(bytes >> page_bits_);
    Cpu& cpu = cpus_[owner];
    cpu.allocated = (cpu.allocated + pages - 1) / pages * pages;
    if (cpu.allocated + pages > pages_each_) {
        report("the exploration has too little table memory");
        return std::nullopt;
    }
    const std::size_t first = std::size_t{owner} * pages_each_ + cpu.allocated;
    cpu.allocated += pages;
    pages_[first].pages = pages;
    for (unsigned i = 0; i < pages; ++i) {
        set_page(first + i, PageState::live);
    }
    const Pa pa = base + (std::uint64_t{first} << page_bits_);
    record(StepKind::allocate, pa.value);
    return pa;
}

void World::set_page(std::size_t page, PageState state, unsigned held_by) {
    const auto value = [&] {
        return static_cast<std::uint64_t>(pages_[page].state) +
               (std::uint64_t{pages_[page].held_by} << 8);
    };
    pages_hash_ ^= hash_word(page, value());
    pages_[page].state = state;
    pages_[page].held_by = static_cast<std::uint8_t>(held_by);
    pages_hash_ ^= hash_word(page, value());
}

void World::give_back(std::size_t page) {
    PageSharing& tables = page_sharing_[page];
    tables.retirers |= static_cast<std::uint8_t>(1U << fibers_.running());
    learned_ |= (tables.shared() & ~tables.points) != 0;
    const std::uint64_t address = base.value + (page << page_bits_);
    if (pages_[page].state != PageState::live) {
        report(at_address("a table is given back twice:", address));
    } else if (judging_ && tlb_.holds_table(address)) {
        report(at_address("a table is given back that a walker may still read:", address));
    } else if (judging_ && reachable(page)) {
        report(at_address("a table is given back that an entry points to:", address));
    }
}

void World::free(Pa pa, std::uint64_t /*bytes*/) {
    const std::size_t page = page_at(pa.value);
    if (scheduled()) {
        record(StepKind::free, pa.value);
        give_back(page);
        for (unsigned cpu = 0; cpu < fibers_.count(); ++cpu) {
            if (pages_[page].linked && cpu != fibers_.running() && cpus_[cpu].sections != 0) {
                report(
                    at_address("a table is given back while another CPU may read it:", pa.value));
            }
        }
    }
    set_page(page, PageState::free);
}

void World::retire(Pa pa, std::uint64_t /*bytes*/) {
    const std::size_t page = page_at(pa.value);
    if (!scheduled()) {
        set_page(page, PageState::free);
        return;
    }
    count_step();
    pause();
    record(StepKind::retire, pa.value);
    give_back(page);
    std::uint8_t open = 0;
    for (unsigned cpu = 0; cpu < fibers_.count(); ++cpu) {
        open |= static_cast<std::uint8_t>(cpus_[cpu].sections != 0 ? 1U << cpu : 0U);
    }
    hold(page, open);
}

void World::hold(std::size_t page, unsigned sections) {
    set_page(page, sections == 0 ? PageState::free : PageState::retired, sections);
}

void World::enter_section() {
    if (scheduled()) {
        ++cpus_[fibers_.running()].sections;
        record(StepKind::enter_section);
    }
}

void World::leave_section() {
    if (!scheduled()) {
        return;
    }
    const unsigned me = fibers_.running();
    record(StepKind::leave_section);
    if (--cpus_[me].sections != 0) {
        return;
    }
    for (std::size_t page = 0; page < pages_.size(); ++page) {
        if (pages_[page].state == PageState::retired && (pages_[page].held_by >> me & 1) != 0) {
            hold(page, pages_[page].held_by & ~(1U << me));
        }
    }
}

bool World::reachable(std::size_t page) const {
    return reachable_below(shape_.root, shape_.initial_level, base.value + (page << page_bits_));
}

bool World::reachable_below(std::uint64_t table, int level, std::uint64_t target) const {
    if (table == target) {
        return true;
    }
    for (std::uint64_t i = 0; level < 3 && i < shape_.entries(level); ++i) {
        const std::uint64_t d = peek(table + 8 * i);
        if (shape_.is_table(d, level) && in_memory(shape_.next_table(d)) &&
            reachable_below(shape_.next_table(d), level + 1, target)) {
            return true;
        }
    }
    return false;
}

void World::count_reachable(std::uint64_t table, int level, std::vector<std::uint8_t>& seen) const {
    for (std::uint64_t i = 0; level < 3 && i < shape_.entries(level); ++i) {
        const std::uint64_t d = peek(table + 8 * i);
        if (shape_.is_table(d, level) && in_memory(shape_.next_table(d))) {
            seen[page_at(shape_.next_table(d))] = 1;
            count_reachable(shape_.next_table(d), level + 1, seen);
        }
    }
}

} // namespace twofold::test
