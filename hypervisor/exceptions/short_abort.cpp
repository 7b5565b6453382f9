// SPDX-License-Identifier: MIT
// Aborts of plain accesses to a guest's memory, as nearly all are: with the memory they are over,
// and nothing else of the guest need be looked at.
#include "cpu/sysreg.hpp"
#include "guest/address_translation.hpp"
#include "guest/guest.hpp"
#include "trace/trace_buffer.hpp"

#include <twofold/arch/abort.hpp>

namespace twofold::hyp {

namespace {

// An access of the guest to its memory, or to another address.
[[gnu::noinline]] bool resolve(PerCpu& cpu, std::uint64_t esr, Ipa ipa, bool permission) {
    const Vcpu& vcpu = *cpu.vcpu;
    GuestRam& memory = vcpu.guest->memory();
    const bool fetch = esr::ec::get(esr) == esr::ec_instruction_abort_lower;
    const MemoryAccess access{.ipa = ipa,
                              .kind = fetch                   ? AccessKind::fetch
                                      : esr::wnr::is_set(esr) ? AccessKind::write
                                                              : AccessKind::read,
                              .permission = permission};
    memory.enter(vcpu.index);
    const bool resolved = memory.resolve(access, vcpu.index);
    memory.leave(vcpu.index);
    if (resolved) {
        ++cpu.counters.exits_by_class[static_cast<unsigned>(exception_class(esr))];
        vcpu.guest->parts().console->poll();
    }
    return resolved;
}

} // namespace

} // namespace twofold::hyp

// The interrupts stay in the list registers, as in a short call. False: the abort takes the way of
// every other exit.
extern "C" bool handle_short_abort(twofold::hyp::TrapFrame*) {
    using namespace twofold;
    using namespace twofold::hyp;
    constexpr std::uint64_t looked_at = esr::vncr::mask | esr::fnv::mask | esr::cm::mask |
                                        esr::s1ptw::mask | (esr::fsc::mask & ~std::uint64_t{3});
    constexpr std::uint64_t translation = 0b0001'00; // xFSC, level 0 to 3
    constexpr std::uint64_t permission = 0b0011'00;
    const std::uint64_t esr = TWOFOLD_READ_SYSREG(ESR_EL2);
    const std::uint64_t far = TWOFOLD_READ_SYSREG(FAR_EL2);
    PerCpu& cpu = this_cpu();
    if (traced_build && cpu.trace != nullptr)
        return false;
    if ((esr & looked_at) == translation) {
        const std::uint64_t hpfar = TWOFOLD_READ_SYSREG(HPFAR_EL2);
        const Ipa ipa{hpfar::fipa::get(hpfar) << 12 | (far & bit_mask(11, 0))};
        return cpu.vcpu->guest->memory().contains(ipa) && resolve(cpu, esr, ipa, false);
    }
    if ((esr & looked_at) == permission) {
        const auto ipa = translate_stage1(far);
        return ipa && cpu.vcpu->guest->memory().contains(*ipa) && resolve(cpu, esr, *ipa, true);
    }
    return false;
}
