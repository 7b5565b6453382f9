// SPDX-License-Identifier: MIT
// shared_step: where the engine touches what CPUs share beside table memory, a port that schedules
// its callers (a test that tries every interleaving) gets its turn.
#pragma once

namespace twofold {

template <class Port>
inline void shared_step(Port& port) {
    if constexpr (requires { port.step(); }) {
        port.step();
    }
}

} // namespace twofold
