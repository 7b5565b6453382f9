// SPDX-License-Identifier: MIT
// World: each access to an entry - what is shared, what a TLB makes of it, and which rule it
// breaks.
#include "at_address.hpp"
#include "hash.hpp"
#include "world.hpp"

#include <utility>

namespace twofold::test {

namespace {

constexpr std::uint64_t contiguous_bit = std::uint64_t{1} << 52;

} // namespace

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
        report(at_address("an access outside table memory:", address));
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
        report(at_address("an access to a table that was given back:", address));
    } else if (page.state == PageState::retired && (page.held_by >> me & 1) == 0) {
        report(at_address("an access to a retired table, by a later section:", address));
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
        report(at_address("a plain store to a table that others may read:", address_of(word)));
    }
    write(word, value, false);
}

void World::publish(Pa table, unsigned index, std::uint64_t value) {
    const std::size_t word = access(table, index, true);
    const std::uint64_t before = words_[word];
    record(StepKind::publish, address_of(word), before, value);
    if (judging_ && (before & 1) != 0 && reachable(page_at(address_of(word)))) {
        report(
            at_address("a store over a valid entry, which hardware may change:", address_of(word)));
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

void World::learn() {
    learned_ = false;
    for (std::size_t word = 0; word < sharing_.size(); ++word) {
        sharing_[word].point = sharing_[word].shared() && stops_[word % stops_.size()];
    }
    for (PageSharing& tables : page_sharing_) {
        tables.points = tables.shared();
    }
}

} // namespace twofold::test
