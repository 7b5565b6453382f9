// SPDX-License-Identifier: MIT
#include "world.hpp"

#include "hash.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace twofold::test {

namespace {

constexpr std::uint64_t contiguous_bit = std::uint64_t{1} << 52;

std::string at(const char* what, std::uint64_t address) {
    char text[120];
    std::snprintf(text, sizeof text, "%s %#llx", what, static_cast<unsigned long long>(address));
    return text;
}

} // namespace

World::World(unsigned cpus, unsigned page_bits, unsigned pages_each)
    : page_bits_{page_bits},
      pages_each_{pages_each},
      fibers_{cpus},
      tlb_{cpus, [this](std::uint64_t address) { return peek(address); }},
      words_(std::size_t{cpus + 1} * pages_each << (page_bits - 3)),
      sharing_(words_.size()),
      stops_(std::size_t{1} << (page_bits - 3), true),
      pages_(std::size_t{cpus + 1} * pages_each),
      page_sharing_(pages_.size()),
      cpus_(cpus + 1) {}

void World::begin() {
    judging_ = false;
    for (const std::size_t word : written_) {
        words_[word] = 0;
    }
    written_.clear();
    steps_.clear();
    std::ranges::fill(pages_, Page{});
    std::ranges::fill(cpus_, Cpu{});
    memory_hash_ = 0;
    pages_hash_ = 0;
    failure_.clear();
}

void World::go(const WalkShape& shape, const std::vector<std::uint64_t>& ipas) {
    shape_ = shape;
    steps_.clear();
    const std::size_t root = page_at(shape.root);
    for (unsigned i = 0; i < pages_[root].pages; ++i) {
        pages_[root + i].linked = true;
    }
    for (std::size_t word = word_at(shape.root);
         word < word_at(shape.root) + shape.entries(shape.initial_level); ++word) {
        link(words_[word]);
    }
    tlb_.start(shape, ipas);
    neighbours_known_ = 0;
    watch_deciding();
    judging_ = true;
}

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
            report(at("at the end nothing leads to the table, which was not given back:", address));
        } else if (!live && seen[page] != 0) {
            report(at("at the end a table is in use that was given back:", address));
        } else if (pages_[page].state == PageState::retired) {
            report(at("at the end a table still waits, but no section is open:", address));
        }
    }
}

void World::pause() {
    if (scheduled()) {
        fibers_.pause();
    }
}

void World::report(std::string&& what) {
    if (failure_.empty()) {
        failure_.swap(what);
    }
    std::string{}.swap(what);
    pause(); // a CPU that went wrong is not resumed
}

void World::count_step() {
    Cpu& cpu = cpus_[fibers_.running()];
    cpu.seen = mix(cpu.seen, 0); // a step has a place, whatever it finds
    if (++cpu.steps > step_limit_) {
        report("an operation does not come to an end");
    }
}

void World::note(std::uint64_t result) {
    if (scheduled()) {
        Cpu& cpu = cpus_[fibers_.running()];
        cpu.seen = mix(cpu.seen, result);
    }
}

void World::record(Step step) {
    if (telling_) {
        step.cpu = fibers_.running();
        steps_.push_back(step);
    }
}

void World::stop_only_at(const std::vector<unsigned>& entries) {
    stops_.assign(stops_.size(), entries.empty());
    for (const unsigned entry : entries) {
        stops_[entry] = true;
    }
}

void World::learn_of(std::size_t word) {
    learned_ |= sharing_[word].shared() && !sharing_[word].point && stops_[word % stops_.size()];
}

void World::touch(std::size_t word, bool write) {
    const auto me = static_cast<std::uint8_t>(1U << fibers_.running());
    Sharing& sharing = sharing_[word];
    (write ? sharing.writers : sharing.readers) |= me;
    learn_of(word);
}

std::size_t World::access(Pa table, unsigned index, bool write) {
    const std::uint64_t address = table.value + 8 * std::uint64_t{index};
    if (!in_memory(address)) {
        report(at("an access outside table memory:", address));
        return 0;
    }
    const std::size_t word = word_at(address);
    if (!scheduled()) {
        return word;
    }
    count_step();
    const unsigned me = fibers_.running();
    PageSharing& tables = page_sharing_[page_at(address)];
    const bool arrives = std::exchange(cpus_[me].page, page_at(address)) != page_at(address);
    if (sharing_[word].point || (arrives && (tables.points >> me & 1) != 0)) {
        pause();
    }
    tables.readers |= static_cast<std::uint8_t>(1U << me);
    learned_ |= (tables.shared() & ~tables.points) != 0;
    const Page& page = pages_[page_at(address)];
    if (page.state == PageState::unused || page.state == PageState::free) {
        report(at("an access to a table that was given back:", address));
    } else if (page.state == PageState::retired && (page.held_by >> me & 1) == 0) {
        report(at("an access to a retired table, by a later section:", address));
    }
    touch(word, write);
    return word;
}

void World::link(std::uint64_t descriptor) {
    const std::uint64_t table = shape_.next_table(descriptor);
    if ((descriptor & 3) != 3 || !in_memory(table)) {
        return;
    }
    Page& page = pages_[page_at(table)];
    if (page.linked) {
        return;
    }
    page.linked = true;
    for (std::size_t i = 0; i < std::size_t{1} << (page_bits_ - 3); ++i) {
        link(words_[word_at(table) + i]);
    }
}

void World::watch_deciding() {
    for (const std::uint64_t address : tlb_.deciding()) {
        sharing_[word_at(address)].watched = true;
        learn_of(word_at(address));
    }
    for (; neighbours_known_ < tlb_.neighbours().size(); ++neighbours_known_) {
        const auto [start, entries] = tlb_.neighbours()[neighbours_known_];
        for (std::uint64_t i = 0; i < entries; ++i) {
            sharing_[word_at(start) + i].neighbour = true;
        }
    }
}

void World::write(std::size_t word, std::uint64_t value, bool visible) {
    const std::uint64_t before = words_[word];
    written_.push_back(word);
    memory_hash_ ^= hash_word(word, before) ^ hash_word(word, value);
    words_[word] = value;
    if (!judging_ || !visible) {
        return;
    }
    Sharing& sharing = sharing_[word];
    const auto marked = [](std::uint64_t d) { return (d & 1) != 0 && (d & contiguous_bit) != 0; };
    if (sharing.neighbour && !sharing.watched && (marked(before) || marked(value))) {
        sharing.watched = true;
        learn_of(word);
    }
    const std::uint64_t address = address_of(word);
    if (pages_[page_at(address)].linked) {
        link(value);
    }
    if (sharing.watched) {
        auto wrong = tlb_.written(fibers_.running(), address);
        watch_deciding();
        if (wrong) {
            report(std::move(*wrong));
        }
    }
}

std::uint64_t World::load(Pa table, unsigned index) {
    const std::size_t word = access(table, index, false);
    const std::uint64_t value = words_[word];
    note(value);
    record(StepKind::load, address_of(word), value);
    return value;
}

void World::store(Pa table, unsigned index, std::uint64_t value) {
    const std::size_t word = access(table, index, true);
    record(StepKind::store, address_of(word), words_[word], value);
    if (judging_ && pages_[page_at(address_of(word))].linked) {
        report(at("a plain store to a table that others may read:", address_of(word)));
    }
    write(word, value, false);
}

void World::publish(Pa table, unsigned index, std::uint64_t value) {
    const std::size_t word = access(table, index, true);
    const std::uint64_t before = words_[word];
    record(StepKind::publish, address_of(word), before, value);
    if (judging_ && (before & 1) != 0 && reachable(page_at(address_of(word)))) {
        report(at("a store over a valid entry, which hardware may change:", address_of(word)));
    }
    write(word, value, true);
}

std::uint64_t World::exchange(Pa table, unsigned index, std::uint64_t value) {
    const std::size_t word = access(table, index, true);
    const std::uint64_t before = words_[word];
    note(before);
    record(StepKind::exchange, address_of(word), before, value);
    write(word, value, true);
    return before;
}

std::uint64_t World::clear_bits(Pa table, unsigned index, std::uint64_t mask) {
    const std::size_t word = access(table, index, true);
    const std::uint64_t before = words_[word];
    note(before);
    record(StepKind::clear_bits, address_of(word), before, before & ~mask);
    if ((before & mask) != 0) {
        write(word, before & ~mask, true);
    }
    return before;
}

std::uint64_t World::set_bits(Pa table, unsigned index, std::uint64_t mask) {
    const std::size_t word = access(table, index, true);
    const std::uint64_t before = words_[word];
    note(before);
    record(StepKind::exchange, address_of(word), before, before | mask);
    if ((~before & mask) != 0) {
        write(word, before | mask, true);
    }
    return before;
}

bool World::compare_exchange(Pa table, unsigned index, std::uint64_t before, std::uint64_t after) {
    const std::size_t word = access(table, index, true);
    const bool done = words_[word] == before;
    note(done ? 1 : 0);
    record(done ? StepKind::compare_exchange : StepKind::failed_exchange, address_of(word),
           words_[word], after);
    if (done) {
        write(word, after, true);
    }
    return done;
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
        report(at("a table is given back twice:", address));
    } else if (judging_ && tlb_.holds_table(address)) {
        report(at("a table is given back that a walker may still read:", address));
    } else if (judging_ && reachable(page)) {
        report(at("a table is given back that an entry points to:", address));
    }
}

void World::free(Pa pa, std::uint64_t /*bytes*/) {
    const std::size_t page = page_at(pa.value);
    if (scheduled()) {
        record(StepKind::free, pa.value);
        give_back(page);
        for (unsigned cpu = 0; cpu < fibers_.count(); ++cpu) {
            if (pages_[page].linked && cpu != fibers_.running() && cpus_[cpu].sections != 0) {
                report(at("a table is given back while another CPU may read it:", pa.value));
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

void World::barrier(Barrier kind) {
    if (!scheduled() || kind == Barrier::isb) {
        return;
    }
    count_step();
    pause();
    record({.kind = StepKind::barrier, .barrier = kind});
    tlb_.barrier(fibers_.running(), kind);
    watch_deciding();
}

void World::tlbi(const TlbiOperation& operation) {
    if (!scheduled()) {
        return;
    }
    count_step();
    pause();
    record({.kind = StepKind::tlbi, .tlbi = operation});
    tlb_.tlbi(fibers_.running(), operation);
}

void World::shared_step() {
    if (!scheduled()) {
        return;
    }
    count_step();
    pause();
    record(StepKind::shared);
    note(engine_state_());
}

void World::begin_operation(const char* name) { record({.kind = StepKind::begin, .name = name}); }

void World::end_operation(const char* name, std::uint64_t result) {
    record({.kind = StepKind::end, .after = result, .name = name});
}

void World::settled() {
    if (auto wrong = tlb_.settled(fibers_.running())) {
        report(std::move(*wrong));
    }
}

std::optional<std::uint64_t> World::hardware_load(std::uint64_t ipa, std::uint64_t table, int level,
                                                  unsigned index) {
    const std::size_t word = word_at(table + 8 * std::uint64_t{index});
    if (!scheduled()) {
        return words_[word];
    }
    count_step();
    if (sharing_[word].point) {
        pause();
    }
    touch(word, false);
    if (!tlb_.may_walk(ipa, table, level)) {
        note(1);
        return std::nullopt;
    }
    record(StepKind::load, address_of(word), words_[word]);
    note(words_[word]);
    return words_[word];
}

bool World::hardware_update(std::uint64_t ipa, std::uint64_t table, int level, unsigned index,
                            std::uint64_t before, std::uint64_t after) {
    const std::size_t word = word_at(table + 8 * std::uint64_t{index});
    if (!scheduled()) {
        return compare_exchange(Pa{table}, index, before, after);
    }
    count_step();
    if (sharing_[word].point) {
        pause();
    }
    touch(word, true);
    const bool done = tlb_.may_walk(ipa, table, level) && words_[word] == before;
    record(done ? StepKind::compare_exchange : StepKind::failed_exchange, address_of(word),
           words_[word], after);
    note(done ? 1 : 0);
    if (done) {
        write(word, after, true);
    }
    return done;
}

std::string World::story() const {
    std::string text;
    for (std::size_t i = 0; i < steps_.size();) {
        // One line for what goes on from entry to entry.
        std::size_t next = i + 1;
        while (next < steps_.size() && steps_[next].cpu == steps_[i].cpu &&
               steps_[next].kind == steps_[i].kind && steps_[i].where != 0 &&
               steps_[next].where == steps_[next - 1].where + 8) {
            ++next;
        }
        text += to_string(steps_[i]) + "\n";
        if (next - i > 2) {
            text += "         ... and " + std::to_string(next - i - 2) + " entries up to\n";
        }
        if (next - i > 1) {
            text += to_string(steps_[next - 1]) + "\n";
        }
        i = next;
    }
    return text;
}

std::uint64_t World::state() const {
    std::uint64_t hash = mix(memory_hash_, pages_hash_);
    hash = mix(hash, tlb_.hash());
    hash = mix(hash, engine_state_());
    for (unsigned cpu = 0; cpu < fibers_.count(); ++cpu) {
        hash = mix(hash, cpus_[cpu].seen);
        hash = mix(hash, fibers_.finished(cpu) ? 1 : 0);
    }
    return hash;
}

void World::learn() {
    learned_ = false;
    for (std::size_t word = 0; word < sharing_.size(); ++word) {
        sharing_[word].point = sharing_[word].shared() && stops_[word % stops_.size()];
    }
    for (PageSharing& tables : page_sharing_) {
        tables.points = tables.shared();
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
