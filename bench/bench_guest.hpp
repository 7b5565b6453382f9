// SPDX-License-Identifier: MIT
// BenchGuest: a guest's memory of a size in leaves of a size, and what is done with it.
#pragma once

#include "bench_port.hpp"

#include <twofold/arch.hpp>
#include <twofold/table/stage2.hpp>

#include <cstdint>

namespace twofold::bench {

// A CPU of today: FWB, XNX, hardware flags, hinted and range TLBI.
constexpr CpuFeatures cpu() {
    CpuFeatures f;
    f.pa_bits = 48;
    f.granule_4k = f.xnx = f.fwb = f.ttl = f.tlbi_range = true;
    f.access_flag = f.dirty_state = true;
    return f;
}

class BenchGuest {
public:
    // `memory` for tables, aligned to 64 KiB.
    BenchGuest(void* memory, std::uint64_t bytes, std::uint64_t length, std::uint64_t leaf)
        : port_{memory, bytes, geometry()},
          table_{port_, geometry(), cpu(), *Stage2<BenchPort>::allocate_root(port_, geometry())},
          length_{length},
          leaf_{leaf} {}

    // A table that is alone on its memory: it is dropped, not freed.
    static Geometry geometry() { return *Geometry::make(cpu(), {.ipa_bits = 40}); }

    std::uint64_t leaves() const { return length_ / leaf_; }
    const BenchPort& port() const { return port_; }
    std::uint64_t tables() const { return table_.counters().tables; }

    void map(Permissions permissions = Permissions::rwx()) {
        map(start(), length_, leaf_, permissions);
        settle();
    }
    void map_large(std::uint64_t size) {
        map(start(), length_, size, Permissions::rwx());
        settle();
    }
    void map_writable_clean() {
        MapRequest r = request(start(), length_, leaf_, Permissions::r());
        r.attributes.dbm = true;
        check(table_.map(r, owed_).has_value());
        settle();
    }
    void unmap() {
        check(table_.unmap(start(), length_, owed_).has_value());
        settle();
    }
    void map_each() {
        for (std::uint64_t n = 0, count = leaves(); n < count; ++n) {
            check(table_.map_if_absent(request(leaf(n), leaf_, leaf_, Permissions::rwx()))
                      .has_value());
        }
    }
    void unmap_each() {
        for (std::uint64_t n = 0, count = leaves(); n < count; ++n) {
            check(table_.unmap(leaf(n), leaf_, owed_).has_value());
            settle();
        }
    }
    void lookup_each() {
        const std::uint64_t count = leaves();
        for (std::uint64_t n = 0; n < count; ++n) {
            check(table_.lookup(leaf(scattered(n, count)))->mapping.has_value());
        }
    }
    void relax_each() {
        const std::uint64_t count = leaves();
        for (std::uint64_t n = 0; n < count; ++n) {
            check(table_.relax(leaf(scattered(n, count)), Permissions::rw(), owed_).has_value());
            settle();
        }
    }
    void write_protect() {
        check(table_.write_protect(start(), length_, owed_).has_value());
        settle();
    }
    void track_writes() {
        std::uint64_t dirty = 0;
        check(table_
                  .track_writes(start(), length_, owed_,
                                [&](Ipa, std::uint64_t, std::uint64_t n) { dirty += n; })
                  .has_value());
        check(dirty == 0);
        settle();
    }
    void clear_young() {
        std::uint64_t young = 0;
        check(table_
                  .test_and_clear_young(start(), length_,
                                        [&](Ipa, std::uint64_t, std::uint64_t n) { young += n; })
                  .has_value());
        check(young == leaves());
    }
    void scan_dirty() {
        std::uint64_t dirty = 0;
        check(table_
                  .collect_dirty(start(), length_, owed_,
                                 [&](Ipa, std::uint64_t, std::uint64_t n) { dirty += n; })
                  .has_value());
        check(dirty == 0);
        settle();
    }
    // The table is gone afterwards.
    void destroy() {
        Progress all;
        check(table_.destroy(all));
    }
    void split() {
        check(table_.split(start(), length_, leaf_, owed_).has_value());
        settle();
    }
    void collapse() {
        check(table_.collapse(start(), length_, owed_).has_value());
        settle();
    }

private:
    Ipa start() const { return Ipa{GiB}; }
    Ipa leaf(std::uint64_t n) const { return start() + n * leaf_; }
    // Each leaf once, far from the one before: the count is a power of two, the factor is odd.
    static std::uint64_t scattered(std::uint64_t n, std::uint64_t count) {
        return (n * 0x9e37'79b1) & (count - 1);
    }
    MapRequest request(Ipa ipa, std::uint64_t length, std::uint64_t largest,
                       Permissions permissions) const {
        return {.ipa = ipa,
                .pa = Pa{64 * GiB} + (ipa - start()),
                .length = length,
                .attributes = {.permissions = permissions},
                .max_size = largest};
    }
    void map(Ipa ipa, std::uint64_t length, std::uint64_t largest, Permissions permissions) {
        check(table_.map(request(ipa, length, largest, permissions), owed_).has_value());
    }
    void settle() { table_.discharge(owed_); }
    static void check(bool good) {
        if (!good) {
            __builtin_trap();
        }
    }

    BenchPort port_;
    Stage2<BenchPort> table_;
    Invalidation owed_ = {};
    std::uint64_t length_;
    std::uint64_t leaf_;
};

} // namespace twofold::bench
