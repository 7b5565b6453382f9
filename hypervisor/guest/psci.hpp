// SPDX-License-Identifier: MIT
// The calls that a guest makes by HVC or SMC: PSCI 1.1 and the SMC Calling Convention.
#pragma once

#include "exceptions/trap_frame.hpp"
#include "guest/vcpu.hpp"

namespace twofold::hyp {

enum class CallEnd : std::uint8_t {
    returns, // with its result in x0
    leaves,  // the vCPU does not go back into the guest
};

CallEnd handle_call(Vcpu& vcpu, TrapFrame& frame);

} // namespace twofold::hyp
