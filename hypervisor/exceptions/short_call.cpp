// SPDX-License-Identifier: MIT
// Calls of a guest that only ask: their answer needs no look at tables, devices or other CPUs.
#include "guest/guest.hpp"
#include "guest/psci.hpp"

namespace {

// The part of a TrapFrame that vectors.S has filled so far.
struct CallRegisters {
    std::uint64_t x[18];
};

} // namespace

// The interrupts stay in the list registers: what concerns them comes with a kick, which is taken
// as soon as the guest is back. False: the call takes the way of every other exit.
extern "C" bool handle_short_call(CallRegisters* registers) {
    using namespace twofold::hyp;
    const auto answer = answer_call(registers->x[0], registers->x[1]);
    if (!answer)
        return false;
    PerCpu& cpu = this_cpu();
    ++cpu.counters.exits_by_class[static_cast<unsigned>(ExceptionClass::hvc64)];
    cpu.vcpu->guest->parts().console->poll();
    registers->x[0] = static_cast<std::uint64_t>(*answer);
    return true;
}
