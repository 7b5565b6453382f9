// SPDX-License-Identifier: MIT
// ID registers, interrupt generation, ACTLR_EL1; all others are undefined for a guest.
#include "exceptions/system_register_trap.hpp"

#include "exceptions/injection.hpp"
#include "exceptions/long_exit.hpp"
#include "guest/guest.hpp"
#include "guest/id_registers.hpp"

#include <twofold/arch/field.hpp>

namespace twofold::hyp {

namespace {

namespace iss {
using op0 = Field<21, 20>;
using op2 = Field<19, 17>;
using op1 = Field<16, 14>;
using crn = Field<13, 10>;
using rt = Field<9, 5>;
using crm = Field<4, 1>;
using is_read = Field<0>;
} // namespace iss

constexpr std::uint64_t encoding(std::uint64_t op0, std::uint64_t op1, std::uint64_t crn,
                                 std::uint64_t crm, std::uint64_t op2) {
    return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
}

constexpr std::uint64_t actlr_el1 = encoding(3, 0, 1, 0, 1);
constexpr std::uint64_t icc_dir_el1 = encoding(3, 0, 12, 11, 1);
constexpr std::uint64_t icc_sgi1r_el1 = encoding(3, 0, 12, 11, 5);
constexpr std::uint64_t icc_asgi1r_el1 = encoding(3, 0, 12, 11, 6);
constexpr std::uint64_t icc_sgi0r_el1 = encoding(3, 0, 12, 11, 7);

// S3_0_C0_C1_0 to S3_0_C0_C7_7: what HCR_EL2.TID3 traps
constexpr bool is_id_register(std::uint64_t reg) {
    return reg >= encoding(3, 0, 0, 1, 0) && reg <= encoding(3, 0, 0, 7, 7);
}

bool write(Vcpu& vcpu, std::uint64_t reg, std::uint64_t value) {
    const LongExit exit{vcpu};
    VirtualGic& vgic = vcpu.guest->vgic();
    switch (reg) {
    case actlr_el1:
        return true; // no control there is a guest's
    case icc_dir_el1:
        vgic.deactivate(vcpu.index, value);
        return true;
    case icc_sgi1r_el1:
        vgic.write_sgi(vcpu.index, SgiRegister::sgi1r, value);
        return true;
    case icc_asgi1r_el1:
        vgic.write_sgi(vcpu.index, SgiRegister::asgi1r, value);
        return true;
    case icc_sgi0r_el1:
        vgic.write_sgi(vcpu.index, SgiRegister::sgi0r, value);
        return true;
    default:
        return false;
    }
}

bool read(Vcpu& vcpu, std::uint64_t reg, std::uint64_t& value) {
    if (is_id_register(reg)) {
        const auto crm = static_cast<unsigned>(reg >> 3) & 0xf;
        const auto op2 = static_cast<unsigned>(reg) & 0x7;
        value = guest_id_register(crm, op2, read_id_register(crm, op2),
                                  vcpu.guest->memory().ipa_bits());
        return true;
    }
    value = 0;
    return reg == actlr_el1;
}

} // namespace

void handle_system_register(Vcpu& vcpu, TrapFrame& frame) {
    const std::uint64_t esr = frame.esr;
    const std::uint64_t reg = encoding(iss::op0::get(esr), iss::op1::get(esr), iss::crn::get(esr),
                                       iss::crm::get(esr), iss::op2::get(esr));
    const auto rt = static_cast<unsigned>(iss::rt::get(esr));
    bool known = false;
    if (iss::is_read::is_set(esr)) {
        std::uint64_t value = 0;
        known = read(vcpu, reg, value);
        if (known)
            frame.set(rt, value);
    } else {
        known = write(vcpu, reg, frame.get(rt));
    }
    if (known)
        skip_instruction(frame);
    else
        inject_undefined(frame);
}

} // namespace twofold::hyp
