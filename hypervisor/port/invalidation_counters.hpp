// SPDX-License-Identifier: MIT
// InvalidationCounters: the instructions that discharged what the library owed.
#pragma once

#include <twofold/vm/counters.hpp>

namespace twofold::hyp {

struct InvalidationCounters {
    Counter by_ipa;
    Counter by_range;
    Counter whole_vmid;
    Counter stage1; // VMALLE1(IS), for combined entries
    Counter dsb;
};

} // namespace twofold::hyp
