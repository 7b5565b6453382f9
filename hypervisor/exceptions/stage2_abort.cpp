// SPDX-License-Identifier: MIT
// A stage-2 abort is decoded and resolved by the library; what is left is to do as it says.
#include "exceptions/stage2_abort.hpp"

#include "cpu/sysreg.hpp"
#include "exceptions/injection.hpp"
#include "exceptions/long_exit.hpp"
#include "guest/address_translation.hpp"
#include "guest/guest.hpp"
#include "guest/stage1_walk.hpp"
#include "runtime/print.hpp"
#include "trace/fault_trace.hpp"

#include <twofold/arch/abort.hpp>

namespace twofold::hyp {

namespace {

// A guest that takes the same abort this often has no handler for it and never gets further.
constexpr unsigned repeated_abort_limit = 100'000;

std::uint64_t cut(std::uint64_t value, unsigned bytes) {
    return bytes == 8 ? value : value & ((std::uint64_t{1} << (8 * bytes)) - 1);
}

std::uint64_t loaded_value(std::uint64_t value, const AccessSyndrome& syndrome) {
    value = cut(value, syndrome.bytes);
    if (syndrome.sign_extend && syndrome.bytes < 8) {
        const std::uint64_t sign = std::uint64_t{1} << (8 * syndrome.bytes - 1);
        value = (value ^ sign) - sign;
    }
    return syndrome.reg_is_64 ? value : cut(value, 4);
}

// The level of stage 1 for an abort of the guest: ESR_EL2 has that of stage 2 only. 0 where it
// cannot be known, as when the guest has changed its tables meanwhile.
Level stage1_level(const Vcpu& vcpu, const Abort& abort, InjectedFault fault) {
    constexpr std::uint64_t mmu_is_on = 1; // SCTLR_EL1 [0] M
    const bool beyond = fault == InjectedFault::address_size;
    if (!abort.ipa || !abort.far || (!abort.s1ptw && !beyond) ||
        (TWOFOLD_READ_SYSREG(SCTLR_EL1) & mmu_is_on) == 0)
        return 0;
    const auto walk =
        Stage1Walk::make(*abort.far, TWOFOLD_READ_SYSREG(TCR_EL1), TWOFOLD_READ_SYSREG(TTBR0_EL1),
                         TWOFOLD_READ_SYSREG(TTBR1_EL1));
    if (!walk)
        return 0;
    GuestRam& memory = vcpu.guest->memory();
    const auto read = [&memory](Ipa ipa) { return memory.peek(ipa); };
    if (!abort.s1ptw)
        return walk->last_level(*abort.far, read).value_or(0);
    const Level level = walk->level_at(*abort.ipa, *abort.far, read).value_or(0);
    if (!beyond)
        return level;
    // An address that is too wide is the fault of the descriptor that has it; in TTBRn, level 0.
    return level == walk->initial_level() ? 0 : level - 1;
}

void give_abort(Vcpu& vcpu, TrapFrame& frame, const Injection& injection, Level walk_level = 0) {
    // A handler that gets anywhere has changed ELR_EL1 before the next abort.
    if (frame.elr == vcpu.abort_elr && frame.far == vcpu.abort_far &&
        frame.elr == TWOFOLD_READ_SYSREG(ELR_EL1)) {
        if (++vcpu.repeated_aborts == repeated_abort_limit) {
            print("vCPU {}: aborts for ever at PC {:#x}, address {:#x}\n", vcpu.index, frame.elr,
                  frame.far);
            vcpu.guest->end(GuestState::stopped, "it does not handle its aborts");
            return;
        }
    } else {
        vcpu.abort_elr = frame.elr;
        vcpu.abort_far = frame.far;
        vcpu.repeated_aborts = 0;
    }
    const auto status = injection.status(walk_level).encode();
    inject_abort(frame, status.value_or(0x10)); // 0x10: synchronous external abort
}

[[gnu::always_inline]] inline void emulate(Vcpu& vcpu, TrapFrame& frame, const Mmio& mmio,
                                           MmioDevice* device) {
    const AccessSyndrome& syndrome = mmio.syndrome;
    MmioAccess access{.ipa = mmio.ipa, .bytes = syndrome.bytes, .write = mmio.write, .value = 0};
    if (mmio.write)
        access.value = cut(frame.get(syndrome.reg), syndrome.bytes);
    if (mmio.read_only_slot || !MmioBus::access_device(device, vcpu.index, access)) {
        give_abort(vcpu, frame, {.fault = InjectedFault::external, .write = mmio.write});
        return;
    }
    Counters& counters = this_cpu().counters;
    if (mmio.write) {
        ++counters.mmio_writes;
    } else {
        ++counters.mmio_reads;
        frame.set(syndrome.reg, loaded_value(access.value, syndrome));
    }
    skip_instruction(frame);
}

// The access of a device that is described in full needs nothing of the guest's memory: no device
// lies in a slot.
bool emulate_directly(Vcpu& vcpu, TrapFrame& frame) {
    constexpr std::uint64_t looked_at = esr::ec::mask | esr::isv::mask | esr::vncr::mask |
                                        esr::fnv::mask | esr::cm::mask | esr::s1ptw::mask |
                                        (esr::fsc::mask & ~std::uint64_t{3});
    constexpr std::uint64_t translation = 0b0001'00; // DFSC, level 0 to 3
    constexpr std::uint64_t described =
        esr::ec::of(esr::ec_data_abort_lower) | esr::isv::mask | esr::fsc::of(translation);
    const std::uint64_t esr = frame.esr;
    if ((esr & looked_at) != described)
        return false;
    const Ipa ipa{hpfar::fipa::get(frame.hpfar) << 12 | (frame.far & bit_mask(11, 0))};
    MmioDevice* const device = vcpu.guest->bus().find(ipa);
    if (device == nullptr)
        return false;
    const LongExit exit{vcpu};
    emulate(vcpu, frame,
            {.ipa = ipa, .write = esr::wnr::is_set(esr), .syndrome = AccessSyndrome::decode(esr)},
            device);
    return true;
}

// What the guest's memory has no answer to.
void carry_out(Vcpu& vcpu, TrapFrame& frame, const Abort& abort, const Resolution& resolution) {
    const LongExit exit{vcpu};
    switch (resolution.outcome) {
    case Outcome::resume:
        return;
    case Outcome::retry:
        if (resolution.retry_reason == RetryReason::withdrawal)
            return; // its owner needs no time of this CPU
        // The backing has no other reason to ask for patience.
        vcpu.guest->end(GuestState::stopped, "the pool has no extent left for its memory");
        return;
    case Outcome::skip:
        skip_instruction(frame);
        return;
    case Outcome::mmio:
        emulate(vcpu, frame, resolution.mmio, vcpu.guest->bus().find(resolution.mmio.ipa));
        return;
    case Outcome::inject:
        give_abort(vcpu, frame, resolution.injection,
                   stage1_level(vcpu, abort, resolution.injection.fault));
        return;
    case Outcome::ring_full: // no vCPU has a ring
    case Outcome::stop:
        print("vCPU {}: {} at PC {:#x}: ESR {:#x}, FAR {:#x}, HPFAR {:#x}\n", vcpu.index,
              to_string(abort.status.kind), frame.elr, frame.esr, frame.far, frame.hpfar);
        vcpu.guest->end(GuestState::stopped, to_string(resolution.reason));
        return;
    }
}

[[gnu::always_inline]] inline Outcome resolve(Vcpu& vcpu, TrapFrame& frame) {
    if (emulate_directly(vcpu, frame))
        return Outcome::mmio;
    const auto abort = Abort::decode(frame.esr, frame.hpfar, frame.far);
    if (!abort)
        return Outcome::resume;
    const Resolution resolution = vcpu.guest->memory().handle(*abort, vcpu.index);
    if (resolution.outcome != Outcome::resume)
        carry_out(vcpu, frame, *abort, resolution);
    return resolution.outcome;
}

} // namespace

void handle_stage2_abort(Vcpu& vcpu, TrapFrame& frame) {
    if constexpr (traced_build) {
        if (this_cpu().trace != nullptr) {
            FaultTrace trace{vcpu, frame};
            trace.end(resolve(vcpu, frame));
            return;
        }
    }
    resolve(vcpu, frame);
}

} // namespace twofold::hyp
