// SPDX-License-Identifier: MIT
// What one operation of table/ costs on the host, per descriptor or per call, beside the limit: a
// plain loop of stores over the same bytes. Barriers and TLBIs are counted elsewhere, not timed.
#include "../examples/arena_port.hpp"

#include <twofold/arch.hpp>
#include <twofold/table/stage2.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>

namespace {

using namespace twofold;

CpuFeatures features() {
    CpuFeatures f;
    f.pa_bits = 48;
    f.granule_4k = f.xnx = f.fwb = f.ttl = f.tlbi_range = true;
    return f;
}

// A guest of `length` bytes from 1 GiB on, in leaves of at most `leaf` bytes.
class Guest {
public:
    Guest(std::uint64_t length, std::uint64_t leaf) : length_{length}, leaf_{leaf} {}

    std::uint64_t leaves() const { return length_ / leaf_; }
    Ipa start() const { return Ipa{GiB}; }
    Ipa leaf(std::uint64_t n) const { return start() + n * leaf_; }
    Stage2<ArenaPort>& table() { return table_; }

    void map() {
        check(table_.map(request(start(), length_), owed_));
        table_.discharge(owed_);
    }
    void map_leaf(std::uint64_t n) { check(table_.map_if_absent(request(leaf(n), leaf_))); }
    void unmap() {
        check(table_.unmap(start(), length_, owed_));
        table_.discharge(owed_);
    }
    void unmap_leaf(std::uint64_t n) {
        check(table_.unmap(leaf(n), leaf_, owed_));
        table_.discharge(owed_);
    }
    void protect(Permissions permissions) {
        check(table_.protect(start(), length_, permissions, owed_));
        table_.discharge(owed_);
    }

private:
    MapRequest request(Ipa ipa, std::uint64_t length) const {
        return {.ipa = ipa,
                .pa = Pa{64 * GiB} + (ipa - start()),
                .length = length,
                .attributes = {.permissions = Permissions::rwx()},
                .max_size = leaf_};
    }
    static void check(const std::expected<void, Error>& result) {
        if (!result) {
            std::abort();
        }
    }

    ArenaPort port_{Pa{4 * GiB}, 64 * MiB};
    Geometry geometry_ = Geometry::make(features(), {.ipa_bits = 40}).value();
    Stage2<ArenaPort> table_{port_, geometry_, features(),
                             *Stage2<ArenaPort>::allocate_root(port_, geometry_)};
    Invalidation owed_ = {};
    std::uint64_t length_;
    std::uint64_t leaf_;
};

void per_leaf(benchmark::State& state, const Guest& guest) {
    state.SetItemsProcessed(static_cast<std::int64_t>(guest.leaves()) * state.iterations());
}

void map_range(benchmark::State& state, std::uint64_t length, std::uint64_t leaf) {
    Guest guest{length, leaf};
    for (auto _ : state) {
        guest.map();
        state.PauseTiming();
        guest.unmap();
        state.ResumeTiming();
    }
    per_leaf(state, guest);
}
BENCHMARK_CAPTURE(map_range, map_4k_range, GiB, 4 * KiB);
BENCHMARK_CAPTURE(map_range, map_2m_range, 64 * GiB, 2 * MiB);
BENCHMARK_CAPTURE(map_range, map_1g_range, 512 * GiB, GiB);

void map_4k_each(benchmark::State& state) {
    Guest guest{GiB, 4 * KiB};
    for (auto _ : state) {
        for (std::uint64_t n = 0; n < guest.leaves(); ++n) {
            guest.map_leaf(n);
        }
        state.PauseTiming();
        guest.unmap();
        state.ResumeTiming();
    }
    per_leaf(state, guest);
}
BENCHMARK(map_4k_each);

void unmap_4k_range(benchmark::State& state) {
    Guest guest{GiB, 4 * KiB};
    for (auto _ : state) {
        state.PauseTiming();
        guest.map();
        state.ResumeTiming();
        guest.unmap();
    }
    per_leaf(state, guest);
}
BENCHMARK(unmap_4k_range);

void unmap_4k_each(benchmark::State& state) {
    Guest guest{GiB, 4 * KiB};
    for (auto _ : state) {
        state.PauseTiming();
        guest.map();
        state.ResumeTiming();
        for (std::uint64_t n = 0; n < guest.leaves(); ++n) {
            guest.unmap_leaf(n);
        }
    }
    per_leaf(state, guest);
}
BENCHMARK(unmap_4k_each);

void protect_4k_range(benchmark::State& state) {
    Guest guest{GiB, 4 * KiB};
    guest.map();
    for (auto _ : state) {
        guest.protect(Permissions::r());
        state.PauseTiming();
        guest.protect(Permissions::rwx());
        state.ResumeTiming();
    }
    per_leaf(state, guest);
}
BENCHMARK(protect_4k_range);

void lookup_4k(benchmark::State& state) {
    Guest guest{GiB, 4 * KiB};
    guest.map();
    std::vector<std::uint64_t> order(guest.leaves());
    for (std::uint64_t n = 0; n < order.size(); ++n) {
        order[n] = n;
    }
    std::ranges::shuffle(order, std::mt19937_64{1});
    std::size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(guest.table().lookup(guest.leaf(order[next])));
        next = (next + 1) % order.size();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(lookup_4k);

// The limit: nothing but the stores of 1 GiB in pages.
void store_loop(benchmark::State& state) {
    std::vector<std::uint64_t> words(GiB / (4 * KiB));
    for (auto _ : state) {
        std::uint64_t value = 0x7ff;
        for (std::uint64_t& word : words) {
            word = value;
            value += 4 * KiB;
        }
        benchmark::DoNotOptimize(words.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(words.size()) * state.iterations());
}
BENCHMARK(store_loop);

} // namespace

BENCHMARK_MAIN();
