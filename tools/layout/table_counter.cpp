// SPDX-License-Identifier: MIT
// Counting of tables: each level has one for every part of its size in which there is a leaf of
// that level or a deeper one.
#include "tools/layout/table_counter.hpp"

namespace twofold::tool {

void TableCounter::add(Ipa start, std::uint64_t length, Level level) {
    if (length == 0) {
        return;
    }
    end_ = start.value + length;
    for (Level at = geometry_.initial_level() + 1; at <= level; ++at) {
        const std::uint64_t first = start.value >> table_shift(at);
        const std::uint64_t last = (end_ - 1) >> table_shift(at);
        const bool counted = last_[place(at)] == first;
        counts_[place(at)] += last - first + (counted ? 0 : 1);
        last_[place(at)] = last;
    }
}

void TableCounter::repeat(const TableCounter& before, std::uint64_t period, std::uint64_t step,
                          std::uint64_t times) {
    const std::uint64_t end = end_ + period * times;
    for (Level at = geometry_.initial_level() + 1; at <= page_level; ++at) {
        std::uint64_t& count = counts_[place(at)];
        std::uint64_t& last = last_[place(at)];
        if (count == before.counts_[place(at)] && last == before.last_[place(at)] &&
            (last == none || last != (end_ - 1) >> table_shift(at))) {
            continue; // no leaf as deep as this
        }
        if (std::uint64_t{1} << table_shift(at) <= step) {
            count += (count - before.counts_[place(at)]) * times;
            last += period * times >> table_shift(at);
        } else {
            const std::uint64_t reached = (end - 1) >> table_shift(at);
            count += reached - last;
            last = reached;
        }
    }
    end_ = end;
}

std::uint64_t TableCounter::tables_below_root() const {
    std::uint64_t all = 0;
    for (const std::uint64_t count : counts_) {
        all += count;
    }
    return all;
}

std::uint64_t TableCounter::bytes() const {
    return geometry_.root_bytes() + tables_below_root() * geometry_.page_size();
}

} // namespace twofold::tool
