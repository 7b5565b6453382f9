// SPDX-License-Identifier: MIT
// What one CPU counts while a guest runs. Only that CPU writes; the report adds them up when all
// CPUs stand still.
#pragma once

#include "port/invalidation_counters.hpp"

#include <cstdint>

namespace twofold::hyp {

struct Counters {
    std::uint64_t exits_by_class[64]; // by ESR_EL2.EC
    std::uint64_t interrupts;
    std::uint64_t system_errors;
    std::uint64_t mmio_reads;
    std::uint64_t mmio_writes;
    std::uint64_t injected_aborts;
    std::uint64_t injected_undefined;
    InvalidationCounters invalidations;
};

} // namespace twofold::hyp
