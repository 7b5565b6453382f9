// SPDX-License-Identifier: MIT
// store_leaves, store_runs: leaves whose outputs follow each other, in a table that no walker can
// reach.
#pragma once

#include <twofold/arch/descriptor.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/port.hpp>

#include <cstdint>

namespace twofold {

// Stores `count` leaves of `level` from entry `first` on, whose outputs follow each other from
// `pa`, in a table that no walker can reach.
template <PortTable Entries>
void store_leaves(const Geometry& geometry, Entries& entries, unsigned first, unsigned count,
                  Level level, Pa pa, std::uint64_t leaf_bits) {
    const DescriptorFormat format{geometry};
    const std::uint64_t size = geometry.entry_size(level);
    const Pa last = pa + size * (count - 1);
    const unsigned end = first + count;
    if ((pa.value ^ last.value) >> 48 == 0) {
        // Bits 47:0 of an output stand in place, so the descriptors count up by its size.
        std::uint64_t value = leaf_bits | format.encode_address(pa);
        if constexpr (requires { entries.store_series(first, count, value, size); }) {
            entries.store_series(first, count, value, size);
            return;
        }
#pragma GCC unroll 8
        for (unsigned i = first; i < end; ++i, value += size) {
            entries.store(i, value);
        }
        return;
    }
    for (unsigned i = first; i < end; ++i, pa += size) {
        entries.store(i, leaf_bits | format.encode_address(pa));
    }
}
// The same, with the Contiguous bit in each whole run that is not larger than `max_size`.
// `pa` stands where the IPA of entry `first` is, modulo the size of a run, or there are none.
template <PortTable Entries>
void store_runs(const Geometry& geometry, Entries& entries, unsigned first, unsigned count,
                Level level, Pa pa, std::uint64_t leaf_bits, std::uint64_t max_size) {
    const std::uint64_t size = geometry.entry_size(level);
    const unsigned run = geometry.contiguous_run(level);
    const unsigned head = (run - first % run) % run;
    const bool aligned = ((pa.value + head * size) & (run * size - 1)) == 0;
    if (run == 1 || run * size > max_size || !aligned || count < head + run) {
        store_leaves(geometry, entries, first, count, level, pa, leaf_bits);
        return;
    }
    const unsigned body = (count - head) / run * run;
    const unsigned tail = count - head - body;
    if (head != 0) {
        store_leaves(geometry, entries, first, head, level, pa, leaf_bits);
    }
    store_leaves(geometry, entries, first + head, body, level, pa + head * size,
                 leaf_bits | leaf::contiguous::mask);
    if (tail != 0) {
        store_leaves(geometry, entries, first + head + body, tail, level, pa + (head + body) * size,
                     leaf_bits);
    }
}

} // namespace twofold
