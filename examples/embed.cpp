// SPDX-License-Identifier: MIT
// How a hypervisor uses the library: from ID registers to a table that a CPU can walk.
#include "arena_port.hpp"

#include <twofold/arch.hpp>
#include <twofold/table/stage2.hpp>

#include <cinttypes>
#include <cstdio>

using namespace twofold;

namespace {

int fail(Error error) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(to_string(error).size()),
                 to_string(error).data());
    return 1;
}

} // namespace

int main() {
    ArenaPort port{Pa{0x4000'0000}, 16 * MiB};
    const auto features = CpuFeatures::from({.mmfr0 = 0x1125, .mmfr1 = 0x1021'1122});

    // [embed]
    const auto geometry = Geometry::make(features, {.granule = Granule::k4, .ipa_bits = 40});
    if (!geometry) {
        return fail(geometry.error());
    }
    const auto root = Stage2<ArenaPort>::allocate_root(port, *geometry);
    if (!root) {
        return fail(root.error());
    }
    Stage2<ArenaPort> table{port, *geometry, features, *root};
    Invalidation owed;
    if (auto mapped = table.map({.ipa = Ipa{1 * GiB},
                                 .pa = Pa{3 * GiB},
                                 .length = 2 * GiB,
                                 .attributes = {.permissions = Permissions::rwx()}},
                                owed);
        !mapped) {
        return fail(mapped.error());
    }
    if (auto unmapped = table.unmap(Ipa{1 * GiB + 64 * KiB}, 4 * KiB, owed); !unmapped) {
        return fail(unmapped.error());
    }
    table.discharge(owed); // one invalidation for all that is owed, then the freed tables
    const Vtcr vtcr = geometry->vtcr(VtcrOptions::of(features));
    const auto vttbr = Vttbr::make(*geometry, table.root(), /*vmid=*/1, features.vmid16);
    // [embed]

    std::printf("VTCR_EL2 0x%016" PRIx64 "  VTTBR_EL2 0x%016" PRIx64 "  can map 1 GiB: %s\n",
                vtcr.value, vttbr->value, geometry->can_map(GiB) ? "yes" : "no");
    table.for_each_run(Ipa{0}, geometry->ipa_limit(), [](const Mapping& run) {
        std::printf("ipa 0x%010" PRIx64 " -> pa 0x%010" PRIx64 "  %8" PRIu64 " KiB at level %d\n",
                    run.ipa.value, run.pa.value, run.size / KiB, run.level);
    });
    return 0;
}
