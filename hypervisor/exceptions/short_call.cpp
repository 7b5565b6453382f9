// SPDX-License-Identifier: MIT
// Calls of a guest that only ask: their answer needs no look at tables, devices or other CPUs.
#include "guest/guest.hpp"
#include "guest/psci.hpp"

// The interrupts stay in the list registers: what concerns them comes with a kick, which is taken
// as soon as the guest is back. False: the call takes the way of every other exit.
extern "C" bool handle_short_call(twofold::hyp::TrapFrame* frame) {
    using namespace twofold::hyp;
    const auto answer = answer_call(frame->x[0], frame->x[1]);
    if (!answer)
        return false;
    PerCpu& cpu = this_cpu();
    ++cpu.counters.exits_by_class[static_cast<unsigned>(ExceptionClass::hvc64)];
    cpu.vcpu->guest->parts().console->poll();
    frame->x[0] = static_cast<std::uint64_t>(*answer);
    return true;
}
