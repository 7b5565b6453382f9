// SPDX-License-Identifier: MIT
// The ICC_* registers of EL2: the calling CPU's physical interface.
#pragma once

#include <cstdint>

namespace twofold::hyp::cpu_interface {

// System registers on at EL2 and, by ICC_SRE_EL2.Enable, at EL1; EOImode = 1; all priorities.
void init();
unsigned acknowledge();
void drop_priority(unsigned intid);
void deactivate(unsigned intid);
// Makes earlier stores visible and writes ICC_SGI1R_EL1.
void send_sgi(std::uint64_t sgi_register);

} // namespace twofold::hyp::cpu_interface
