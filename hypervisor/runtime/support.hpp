// SPDX-License-Identifier: MIT
// The part of the run-time system that is set at boot.
#pragma once

namespace twofold::hyp {

// Whether atomic operations may use the instructions of FEAT_LSE; they are exclusives before.
void use_lse_atomics(bool available);

} // namespace twofold::hyp
