// SPDX-License-Identifier: MIT
// Operations of one CPU on one table, chosen by the fuzzer: RandomMachine says what is checked.
// With TWOFOLD_FUZZ_TRACE in the environment, each operation is printed before it is done.
#include "cpu.hpp"
#include "table/random_machine.hpp"

#include <cstdio>
#include <cstdlib>

namespace twofold::fuzz {
namespace {

// Longer sequences find little that shorter ones do not, and a fuzzer lives by its pace.
constexpr unsigned most_steps = 40;

void stop_at_failure(const test::RandomMachine& machine) {
    if (!machine.failures().empty()) {
        std::fprintf(stderr, "%s\n", machine.failures().front().c_str());
        std::abort();
    }
}

void run(ByteChoices& choices) {
    const CpuFeatures features = choose_features(choices);
    const Geometry geometry = choose_geometry(choices, features);
    test::RandomMachine machine{geometry, features, choices};
    machine.trace(std::getenv("TWOFOLD_FUZZ_TRACE") != nullptr);
    for (unsigned i = 0; i < most_steps && !choices.empty(); ++i) {
        machine.step();
        stop_at_failure(machine);
    }
    machine.finish();
    stop_at_failure(machine);
}

} // namespace
} // namespace twofold::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): as libFuzzer has it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    twofold::fuzz::ByteChoices choices{{data, size}};
    twofold::fuzz::run(choices);
    return 0;
}
