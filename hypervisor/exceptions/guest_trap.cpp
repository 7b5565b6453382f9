// SPDX-License-Identifier: MIT
// What a trap from a guest leads to.
#include "exceptions/injection.hpp"
#include "exceptions/long_exit.hpp"
#include "exceptions/stage2_abort.hpp"
#include "exceptions/system_register_trap.hpp"
#include "guest/guest.hpp"
#include "guest/psci.hpp"
#include "guest/vcpu_registers.hpp"

namespace twofold::hyp {

namespace {

void handle_synchronous(Vcpu& vcpu, TrapFrame& frame) {
    const ExceptionClass ec = exception_class(frame.esr);
    ++this_cpu().counters.exits_by_class[static_cast<unsigned>(ec)];
    switch (ec) {
    case ExceptionClass::instruction_abort_lower:
    case ExceptionClass::data_abort_lower:
        handle_stage2_abort(vcpu, frame);
        return;
    case ExceptionClass::smc64:
        // The preferred return address of a trapped SMC is the SMC itself.
        skip_instruction(frame);
        [[fallthrough]];
    case ExceptionClass::hvc64: {
        const LongExit exit{vcpu};
        if (handle_call(vcpu, frame) == CallEnd::leaves)
            vcpu.guest->leave(vcpu);
        return;
    }
    case ExceptionClass::system_register:
        handle_system_register(vcpu, frame);
        return;
    case ExceptionClass::wfx:
        skip_instruction(frame);
        return;
    default:
        inject_undefined(frame);
        return;
    }
}

} // namespace

} // namespace twofold::hyp

extern "C" void handle_guest_trap(twofold::hyp::TrapFrame* frame, twofold::hyp::TrapKind kind) {
    using namespace twofold::hyp;
    PerCpu& cpu = this_cpu();
    Vcpu& vcpu = *cpu.vcpu;
    Guest& guest = *vcpu.guest;
    guest.memory().enter(vcpu.index);
    switch (kind) {
    case TrapKind::synchronous:
        handle_synchronous(vcpu, *frame);
        break;
    case TrapKind::irq:
    case TrapKind::fiq: {
        const LongExit exit{vcpu};
        guest.take_interrupts(vcpu);
        break;
    }
    case TrapKind::serror:
        // Whatever went wrong on the bus, it was the guest's access.
        ++cpu.counters.system_errors;
        raise_virtual_serror();
        break;
    }
    guest.parts().console->poll();
    guest.memory().leave(vcpu.index);
}
