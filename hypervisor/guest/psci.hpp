// SPDX-License-Identifier: MIT
// The calls that a guest makes by HVC or SMC: PSCI 1.1 and the SMC Calling Convention.
#pragma once

#include "exceptions/trap_frame.hpp"
#include "guest/vcpu.hpp"

#include <cstdint>
#include <optional>

namespace twofold::hyp {

// The result of a call that only asks what there is; empty for one that does something.
std::optional<std::int64_t> answer_call(std::uint64_t function, std::uint64_t argument);

enum class CallEnd : std::uint8_t {
    returns, // with its result in x0
    leaves,  // the vCPU does not go back into the guest
};

CallEnd handle_call(Vcpu& vcpu, TrapFrame& frame);

} // namespace twofold::hyp
