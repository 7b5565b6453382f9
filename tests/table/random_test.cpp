// SPDX-License-Identifier: MIT
// Long random sequences of operations in every geometry; RandomMachine says what is checked.
#include "random_machine.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

void run(const CpuFeatures& features, unsigned steps, std::uint64_t seed) {
    const auto geometries = every_geometry(features);
    ASSERT_FALSE(geometries.empty());
    for (const Geometry& geometry : geometries) {
        SeededChoices choices{seed};
        RandomMachine machine{geometry, features, choices};
        for (unsigned i = 0; i < steps && machine.failures().empty(); ++i) {
            machine.step();
        }
        if (machine.failures().empty()) {
            machine.finish();
        }
        ASSERT_TRUE(machine.failures().empty()) << machine.failures().front() << ", seed " << seed;
        ++seed;
    }
}

TEST(RandomOperations, EveryGeometryOfACpuWithEverything) { run(full_features(), 90, 1); }

// FEAT_BBM level 2, where blocks and runs change without a break, and FnXS leaves.
TEST(RandomOperations, EveryGeometryWithBbmLevelTwoAndXs) {
    CpuFeatures f = full_features();
    f.bbm = 2;
    f.xs = true;
    run(f, 60, 2000);
}

// Armv8.0: no FWB, XNX, range or hinted TLBI, small input sizes or LPA2.
TEST(RandomOperations, EveryGeometryOfAnArmv80Cpu) {
    CpuFeatures f = full_features();
    f.pa_bits = 44;
    f.lpa2_4k = f.lpa2_16k = f.ttst = f.xnx = f.fwb = f.ttl = f.tlbi_range = false;
    f.access_flag = f.dirty_state = f.vmid16 = false;
    run(f, 90, 1000);
}

} // namespace
} // namespace twofold::test
