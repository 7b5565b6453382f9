// SPDX-License-Identifier: MIT
// Trapped accesses of a guest to system registers.
#pragma once

#include "exceptions/trap_frame.hpp"
#include "guest/vcpu.hpp"

namespace twofold::hyp {

void handle_system_register(Vcpu& vcpu, TrapFrame& frame);

} // namespace twofold::hyp
