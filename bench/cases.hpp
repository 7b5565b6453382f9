// SPDX-License-Identifier: MIT
// Cases: what is measured, the same on the host (nanoseconds) and on bare metal (instructions).
#pragma once

#include "bench_guest.hpp"

#include <array>
#include <cstdint>

namespace twofold::bench {

struct Case {
    const char* name;
    std::uint64_t length;         // of the guest's memory
    std::uint64_t leaf;           // bytes
    std::uint64_t per_op;         // leaves that are one operation
    void (*prepare)(BenchGuest&); // not measured; finds the guest empty
    void (*run)(BenchGuest&);
};

inline constexpr auto nothing = [](BenchGuest&) {};
inline constexpr auto mapped = [](BenchGuest& g) { g.map(); };

inline constexpr std::array cases = {
    Case{"map_4k_range", GiB, 4 * KiB, 1, nothing, [](BenchGuest& g) { g.map(); }},
    Case{"map_2m_range", 64 * GiB, 2 * MiB, 1, nothing, [](BenchGuest& g) { g.map(); }},
    Case{"map_1g_range", 512 * GiB, GiB, 1, nothing, [](BenchGuest& g) { g.map(); }},
    Case{"map_4k_each", GiB, 4 * KiB, 1, nothing, [](BenchGuest& g) { g.map_each(); }},
    Case{"lookup_4k", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.lookup_each(); }},
    Case{"write_protect_4k", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.write_protect(); }},
    Case{"track_writes_4k", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.track_writes(); }},
    Case{"young_4k", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.clear_young(); }},
    Case{"unmap_4k_range", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.unmap(); }},
    Case{"unmap_4k_each", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.unmap_each(); }},
    Case{"split_1g", GiB, 4 * KiB, 1, [](BenchGuest& g) { g.map_large(GiB); },
         [](BenchGuest& g) { g.split(); }},
    Case{"collapse_2m", GiB, 4 * KiB, 512, mapped, [](BenchGuest& g) { g.collapse(); }},
    Case{"relax_4k", GiB, 4 * KiB, 1, [](BenchGuest& g) { g.map(Permissions::r()); },
         [](BenchGuest& g) { g.relax_each(); }},
    Case{"destroy_4k", GiB, 4 * KiB, 1, mapped, [](BenchGuest& g) { g.destroy(); }},
    Case{"dirty_scan_4k", GiB, 4 * KiB, 1, [](BenchGuest& g) { g.map_writable_clean(); },
         [](BenchGuest& g) { g.scan_dirty(); }},
};

// The limit: nothing but the stores of as many descriptors.
inline void store_loop(std::uint64_t* words, std::uint64_t count) {
    std::uint64_t value = 0x7ff;
    for (std::uint64_t i = 0; i < count; ++i) {
        words[i] = value;
        value += 4 * KiB;
    }
}

inline constexpr std::uint64_t arena_bytes = 8 * MiB;

} // namespace twofold::bench
