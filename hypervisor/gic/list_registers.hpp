// SPDX-License-Identifier: MIT
// Filling the list registers of a vCPU from the state of the GIC, and bringing back what the guest
// made of them. On the vCPU's own CPU, with the GIC's lock held.
#pragma once

#include "gic/gic_state.hpp"

namespace twofold::hyp {

// Afterwards nothing is resident with this vCPU.
void fold_list_registers(GicState& gic, unsigned vcpu);

// Lists first the most urgent pending interrupt, so that there is always one to take, then what is
// active, then what else is pending, each by priority. What does not fit stays in memory; a
// maintenance interrupt asks for it when the listed ones have been taken.
void fill_list_registers(GicState& gic, unsigned vcpu);

// Physical interrupts of the vCPU that wait with their line low again need no service any more.
void sample_physical_lines(GicState& gic, unsigned vcpu);

// The guest deactivated an active interrupt that was not in a list register.
void deactivate_unlisted(GicState& gic, unsigned vcpu, unsigned intid);

// Whether an interrupt is pending that would be listed.
bool has_pending_interrupt(GicState& gic, unsigned vcpu);

} // namespace twofold::hyp
