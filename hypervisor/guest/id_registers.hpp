// SPDX-License-Identifier: MIT
// What a guest reads from the ID registers: the CPU's own values without what it may not use.
#pragma once

#include <cstdint>

namespace twofold::hyp {

// Register S3_0_C0_C<crm>_<op2>, crm 1..7; `raw` is its real value. `ipa_bits` bounds PARange.
std::uint64_t guest_id_register(unsigned crm, unsigned op2, std::uint64_t raw, unsigned ipa_bits);

// The real value, on this CPU.
std::uint64_t read_id_register(unsigned crm, unsigned op2);

} // namespace twofold::hyp
