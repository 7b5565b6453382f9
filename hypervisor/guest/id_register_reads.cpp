// SPDX-License-Identifier: MIT
// MRS takes its register from the instruction, so that each of them needs its own.
#include "cpu/sysreg.hpp"
#include "guest/id_registers.hpp"

namespace twofold::hyp {

#define TWOFOLD_ID_REGISTER(crm, op2)                                                              \
    case (crm)*8 + (op2):                                                                          \
        return TWOFOLD_READ_SYSREG(S3_0_C0_C##crm##_##op2)
#define TWOFOLD_ID_REGISTERS(crm)                                                                  \
    TWOFOLD_ID_REGISTER(crm, 0);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 1);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 2);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 3);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 4);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 5);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 6);                                                                   \
    TWOFOLD_ID_REGISTER(crm, 7)

std::uint64_t read_id_register(unsigned crm, unsigned op2) {
    switch (crm * 8 + op2) {
        TWOFOLD_ID_REGISTERS(1);
        TWOFOLD_ID_REGISTERS(2);
        TWOFOLD_ID_REGISTERS(3);
        TWOFOLD_ID_REGISTERS(4);
        TWOFOLD_ID_REGISTERS(5);
        TWOFOLD_ID_REGISTERS(6);
        TWOFOLD_ID_REGISTERS(7);
    default:
        return 0;
    }
}

} // namespace twofold::hyp
