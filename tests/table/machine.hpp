// SPDX-License-Identifier: MIT
// Machine: a Stage2 with its port, and a view of table memory that shares no code with the engine:
// descriptors are read from memory, followed and encoded here by the manual's bit numbers.
#pragma once

#include "adversary.hpp"
#include "geometries.hpp"
#include "host_port.hpp"

#include <twofold/model/walker.hpp>
#include <twofold/table/stage2.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <ostream>
#include <vector>

namespace twofold::test {

// A valid leaf as it stands in memory.
struct RawLeaf {
    std::uint64_t ipa = 0;
    std::uint64_t size = 0;
    std::uint64_t raw = 0;
    bool operator==(const RawLeaf&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const RawLeaf& l) {
    return out << std::hex << "{ipa 0x" << l.ipa << " size 0x" << l.size << " raw 0x" << l.raw
               << "}" << std::dec;
}

// `count` leaves of `size`, one behind the other; outputs below 2^48 count in place.
inline std::vector<RawLeaf> run_of(std::uint64_t ipa, std::uint64_t size, std::uint64_t raw,
                                   std::uint64_t count) {
    std::vector<RawLeaf> run;
    for (std::uint64_t i = 0; i < count; ++i) {
        run.push_back({ipa + i * size, size, raw + i * size});
    }
    return run;
}
inline std::vector<RawLeaf> join(std::initializer_list<std::vector<RawLeaf>> parts) {
    std::vector<RawLeaf> all;
    for (const auto& part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

// What one discharge asked of the port.
struct Discharged {
    std::vector<InvalidationRange> ranges = {};
    bool whole = false;
    bool leaf_only = false;
    InvalidationScope scope = InvalidationScope::local;
    std::uint64_t tables = 0;
};

class Machine {
public:
    Machine(const CpuFeatures& cpu, const GeometryRequest& request, std::size_t arena = 4 * MiB)
        : features{cpu},
          geometry{*Geometry::make(cpu, request)},
          port{arena_base, arena},
          adversary{port, geometry, cpu},
          table{adversary.port(), geometry, cpu,
                *Stage2<TestPort>::allocate_root(adversary.port(), geometry)},
          arena_{arena} {
        adversary.start(table.root());
        port.on_invalidate = [this](const Invalidation& all) { note(all); };
    }
    // What a failed test left behind must not hide its message. A test's hooks are gone already.
    ~Machine() {
        port.on_change = nullptr;
        port.on_plain_store = nullptr;
        port.on_atomic = nullptr;
        port.on_invalidate = nullptr;
        port.on_free = nullptr;
        port.on_size_change = nullptr;
        table.discharge(owed);
        adversary.expect_clean();
        adversary.stop();
        for (const std::string& failure : adversary.failures()) {
            ADD_FAILURE() << failure;
        }
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    // The descriptor reached by these indices from the root, through table descriptors.
    std::uint64_t raw(std::initializer_list<unsigned> path) {
        std::uint64_t at = table.root().value;
        std::uint64_t word = 0;
        unsigned step = 0;
        for (const unsigned index : path) {
            if (step++ != 0) {
                EXPECT_EQ(word & 3, 3U) << "no table at step " << step;
                at = word & table_address;
            }
            word = word_at(at + 8 * std::uint64_t{index});
        }
        return word;
    }
    void set_raw(std::initializer_list<unsigned> path, std::uint64_t value) {
        std::uint64_t at = table.root().value;
        unsigned last = 0;
        unsigned step = 0;
        for (const unsigned index : path) {
            if (step++ != 0) {
                at = word_at(at + 8 * std::uint64_t{last}) & table_address;
            }
            last = index;
        }
        const Pa entry{at + 8 * std::uint64_t{last}};
        const std::uint64_t before = word_at(entry.value);
        port.table(Pa{at}).store(last, value);
        adversary.port().adopt(entry, before, value);
    }

    // Every valid leaf in memory, upwards, the Contiguous bit left aside: whether runs are whole is
    // looked at here, and which are marked is the affair of the tests for it.
    std::vector<RawLeaf> leaves() {
        std::vector<RawLeaf> all = marked_leaves();
        expect_whole_runs(all);
        for (RawLeaf& leaf : all) {
            leaf.raw &= ~raw_contiguous;
        }
        return all;
    }
    std::vector<RawLeaf> marked_leaves() {
        std::vector<RawLeaf> found;
        const unsigned bits = granule_shift();
        const unsigned top =
            bits + (bits - 3) * static_cast<unsigned>(3 - geometry.initial_level());
        collect(table.root().value, geometry.initial_level(), top, 0,
                std::uint64_t{1} << (geometry.ipa_bits() - top), found);
        return found;
    }

    // All memory for tables; what is not allocated reads as zero.
    std::vector<std::uint64_t> memory() {
        std::vector<std::uint64_t> words(arena_ / 8);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = port.load(arena_base + 8 * i).value_or(0);
        }
        return words;
    }

    // The output address, or nothing for a translation fault. Without hardware updates.
    std::optional<std::uint64_t> translate(std::uint64_t ipa) {
        const auto result = walk(ipa, {});
        if (!result.translated()) {
            EXPECT_EQ(result.fault.kind, model::FaultKind::translation);
            return std::nullopt;
        }
        return result.translation.pa.value;
    }
    model::WalkResult walk(std::uint64_t ipa, const model::Access& access) {
        return model::walk(walk_config(features, geometry, table.root(), VtcrOptions{}), port,
                           Ipa{ipa}, access);
    }

    static constexpr Pa arena_base{0x8'4000'0000};

    CpuFeatures features;
    Geometry geometry;
    HostPort port;
    Adversary adversary;
    Stage2<TestPort> table;
    Invalidation owed;
    std::vector<Discharged> discharged;

private:
    static constexpr std::uint64_t raw_contiguous = std::uint64_t{1} << 52;

    // A leaf with the bit stands in an aligned run of its like: complete, one stretch of memory,
    // and the same but for what hardware notes (AF, and S2AP[1] under DBM).
    void expect_whole_runs(const std::vector<RawLeaf>& all) const {
        for (std::size_t i = 0; i < all.size();) {
            const RawLeaf& first = all[i];
            if ((first.raw & raw_contiguous) == 0) {
                ++i;
                continue;
            }
            const std::uint64_t count = run_length(first.size);
            ASSERT_GT(count, 1U) << first;
            ASSERT_EQ(first.ipa % (count * first.size), 0U) << first;
            ASSERT_EQ((output(first.raw) & ~(first.size - 1)) % (count * first.size), 0U) << first;
            ASSERT_LE(i + count, all.size());
            const std::uint64_t noted =
                (1ULL << 10) | ((first.raw >> 51 & 1) != 0 ? 1ULL << 7 : 0ULL);
            for (std::uint64_t k = 0; k < count; ++k) {
                const RawLeaf& leaf = all[i + k];
                ASSERT_EQ(leaf.ipa, first.ipa + k * first.size);
                ASSERT_EQ(leaf.size, first.size);
                ASSERT_EQ((leaf.raw ^ (first.raw + k * first.size)) & ~noted, 0U) << leaf;
            }
            i += count;
        }
    }
    // By the manual's table: granule and size of the leaf to entries in a run.
    std::uint64_t run_length(std::uint64_t size) const {
        switch (geometry.granule()) {
        case Granule::k4:
            return size <= GiB ? 16 : 1;
        case Granule::k16:
            return size == 16 * KiB ? 128 : size == 32 * MiB ? 32 : 1;
        case Granule::k64:
            return size <= 512 * MiB ? 32 : 1;
        }
        return 1;
    }
    // [47:granule]; below that 64K has bits 51:48.
    std::uint64_t output(std::uint64_t raw) const {
        return raw & table_address & ~((1ULL << granule_shift()) - 1);
    }

    // Tables lie below 2^48 here, so the upper output bits are zero in every format.
    static constexpr std::uint64_t table_address = 0x0000'ffff'ffff'f000;

    unsigned granule_shift() const {
        return geometry.granule() == Granule::k4    ? 12
               : geometry.granule() == Granule::k16 ? 14
                                                    : 16;
    }
    std::uint64_t word_at(std::uint64_t pa) {
        return port.load(Pa{pa}).value_or(0xdead'dead'dead'deac);
    }
    void collect(std::uint64_t at, int level, unsigned shift, std::uint64_t ipa,
                 std::uint64_t count, std::vector<RawLeaf>& found) {
        const std::uint64_t size = std::uint64_t{1} << shift;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t word = word_at(at + 8 * i);
            if ((word & 1) == 0) {
                continue;
            }
            if (level < 3 && (word & 2) != 0) {
                const unsigned stride = granule_shift() - 3;
                collect(word & table_address, level + 1, shift - stride, ipa + i * size,
                        std::uint64_t{1} << stride, found);
            } else {
                found.push_back({ipa + i * size, size, word});
            }
        }
    }
    void note(const Invalidation& all) {
        discharged.push_back({.ranges = {all.ranges().begin(), all.ranges().end()},
                              .whole = all.whole_vmid(),
                              .leaf_only = all.leaf_only(),
                              .scope = all.scope(),
                              .tables = all.tables_to_free()});
    }

    std::size_t arena_;
};

// Requests that the tests use again and again.
inline GeometryRequest three_levels() { return {.granule = Granule::k4, .ipa_bits = 40}; }
inline GeometryRequest two_levels() { return {.granule = Granule::k4, .ipa_bits = 34}; }
inline GeometryRequest five_levels() {
    return {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true, .initial_level = -1};
}

// Attribute bits of leaves with S2FWB and FEAT_XNX, by hand:
// [5:2] MemAttr 0110, [7:6] S2AP, [9:8] SH 11, [10] AF, [54:53] XN.
inline constexpr std::uint64_t raw_block = 0b01;
inline constexpr std::uint64_t raw_page = 0b11;
inline constexpr std::uint64_t raw_af = std::uint64_t{1} << 10;
inline constexpr std::uint64_t raw_nt = std::uint64_t{1} << 16;
inline constexpr std::uint64_t raw_dbm = std::uint64_t{1} << 51;
inline constexpr std::uint64_t raw_write = std::uint64_t{1} << 7;
inline constexpr std::uint64_t raw_no_execute = std::uint64_t{1} << 54;
inline constexpr std::uint64_t raw_r = 0x758 | raw_no_execute;
inline constexpr std::uint64_t raw_rw = 0x7d8 | raw_no_execute;
inline constexpr std::uint64_t raw_rx = 0x758;
inline constexpr std::uint64_t raw_rwx = 0x7d8;

inline Attributes with(Permissions permissions) { return {.permissions = permissions}; }

} // namespace twofold::test
