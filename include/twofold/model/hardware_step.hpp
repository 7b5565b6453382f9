// SPDX-License-Identifier: MIT
// hardware_step: one access of a guest at a moment of the caller's choice, by which hardware may
// set AF and dirty state behind the engine's back, as VTCR_EL2.HA and HD allow.
#pragma once

#include <twofold/model/checked_port.hpp>
#include <twofold/model/walker.hpp>

namespace twofold::model {

// The walk of a CPU with `config`; what it updates are events of the checker.
template <class Port>
WalkResult hardware_step(CheckedPort<Port>& port, const WalkConfig& config, Ipa ipa, bool write) {
    return walk(config, port, ipa, {.kind = write ? AccessKind::store : AccessKind::load});
}

} // namespace twofold::model
