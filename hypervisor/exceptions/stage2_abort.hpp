// SPDX-License-Identifier: MIT
// Stage-2 aborts of a guest.
#pragma once

#include "exceptions/trap_frame.hpp"
#include "guest/vcpu.hpp"

namespace twofold::hyp {

void handle_stage2_abort(Vcpu& vcpu, TrapFrame& frame);

} // namespace twofold::hyp
