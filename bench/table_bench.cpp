// SPDX-License-Identifier: MIT
// Nanoseconds of each case on the host, per operation, beside a plain loop of stores.
#include "cases.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace twofold;
using namespace twofold::bench;

void measure(benchmark::State& state, const Case& c) {
    const std::unique_ptr<void, decltype(&std::free)> arena{
        std::aligned_alloc(64 * KiB, arena_bytes), &std::free};
    std::optional<BenchGuest> guest;
    for (auto _ : state) {
        state.PauseTiming();
        guest.emplace(arena.get(), arena_bytes, c.length, c.leaf);
        c.prepare(*guest);
        state.ResumeTiming();
        c.run(*guest);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(c.length / c.leaf / c.per_op) *
                            state.iterations());
}

void limit(benchmark::State& state) {
    std::vector<std::uint64_t> words(GiB / (4 * KiB));
    for (auto _ : state) {
        store_loop(words.data(), words.size());
        benchmark::DoNotOptimize(words.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(words.size()) * state.iterations());
}

} // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    for (const Case& c : cases) {
        benchmark::RegisterBenchmark(c.name, [&c](benchmark::State& s) { measure(s, c); });
    }
    benchmark::RegisterBenchmark("store_loop", limit);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
