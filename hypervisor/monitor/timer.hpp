// SPDX-License-Identifier: MIT
// The EL2 physical timer of this CPU, CNTHP: PPI 26, and no guest sees it.
#pragma once

#include "cpu/sysreg.hpp"

#include <cstdint>

namespace twofold::hyp {

inline std::uint64_t ticks_now() {
    isb();
    return TWOFOLD_READ_SYSREG(CNTPCT_EL0);
}

inline std::uint64_t ticks_of(std::uint64_t microseconds) {
    return microseconds * (TWOFOLD_READ_SYSREG(CNTFRQ_EL0) / 1000) / 1000;
}

// Its interrupt stays up from then on until the timer is set again or stopped.
inline void set_timer(std::uint64_t ticks) {
    TWOFOLD_WRITE_SYSREG(CNTHP_CVAL_EL2, ticks);
    TWOFOLD_WRITE_SYSREG(CNTHP_CTL_EL2, 1);
    isb();
}

inline void stop_timer() {
    TWOFOLD_WRITE_SYSREG(CNTHP_CTL_EL2, 0);
    isb();
}

} // namespace twofold::hyp
