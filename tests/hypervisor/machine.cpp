// SPDX-License-Identifier: MIT
// Traps, kicks and the timer of the fake machine.
#include "machine.hpp"

#include <gtest/gtest.h>

namespace twofold::test {

Machine::Machine(unsigned vcpus, unsigned list_registers) {
    std::vector<std::uint64_t> mpidrs;
    std::vector<hyp::VirtualCpuInterface*> interfaces;
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        mpidrs.push_back(0x8000'0000 | vcpu); // MPIDR_EL1 [31] is RES1
        cpus_.push_back(std::make_unique<FakeCpu>(list_registers));
        interfaces.push_back(cpus_.back().get());
    }
    EXPECT_TRUE(gic.init({.distributor = Ipa{distributor},
                          .redistributors = Ipa{redistributors},
                          .mpidrs = mpidrs,
                          .cpu_interfaces = interfaces,
                          .kick = this}));
    EXPECT_TRUE(bus_.add(gic.distributor()));
    EXPECT_TRUE(bus_.add(gic.redistributors()));
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        gic.reset_cpu(vcpu);
        gic.on_guest_enter(vcpu);
    }
}

void Machine::start() {
    write(0, distributor, 0x12);
    for (unsigned vcpu = 0; vcpu < cpus_.size(); ++vcpu) {
        write(vcpu, redistributors + vcpu * stride + 0x14, 0);
        for (unsigned intid = 0; intid < 32; intid += 4)
            write(vcpu, sgi_frame(vcpu) + 0x400 + intid, 0xa0a0a0a0);
    }
    for (unsigned intid = 32; intid < 96; intid += 4)
        write(0, distributor + 0x400 + intid, 0xa0a0a0a0);
    settle();
}

void Machine::settle() {
    for (unsigned round = 0; round < 4; ++round) {
        for (unsigned vcpu = 0; vcpu < cpus_.size(); ++vcpu) {
            if (kicked_[vcpu].exchange(false))
                bounce(vcpu);
        }
    }
}

void Machine::bounce(unsigned vcpu) {
    gic.on_guest_exit(vcpu);
    EXPECT_FALSE(cpu(vcpu).maintenance()) << "EL2 would take it for ever";
    gic.on_guest_enter(vcpu);
}

bool Machine::access(unsigned vcpu, hyp::MmioAccess& access) {
    gic.on_guest_exit(vcpu);
    const bool done = bus_.access(vcpu, access);
    gic.on_guest_enter(vcpu);
    kicked_[vcpu].store(false);
    return done;
}

std::uint64_t Machine::read(unsigned vcpu, std::uint64_t address, unsigned bytes) {
    hyp::MmioAccess read{Ipa{address}, bytes, false, 0xdead};
    EXPECT_TRUE(access(vcpu, read));
    return read.value;
}

void Machine::write(unsigned vcpu, std::uint64_t address, std::uint64_t value, unsigned bytes) {
    hyp::MmioAccess write{Ipa{address}, bytes, true, value};
    EXPECT_TRUE(access(vcpu, write));
}

void Machine::write_bit(unsigned vcpu, unsigned reg, unsigned intid) {
    const std::uint64_t base = intid < 32 ? sgi_frame(vcpu) : distributor + 4 * (intid / 32);
    write(vcpu, base + reg, std::uint64_t{1} << (intid % 32));
    settle();
}

bool Machine::read_bit(unsigned vcpu, unsigned reg, unsigned intid) {
    const std::uint64_t base = intid < 32 ? sgi_frame(vcpu) : distributor + 4 * (intid / 32);
    return ((read(vcpu, base + reg) >> (intid % 32)) & 1) != 0;
}

void Machine::set_priority(unsigned vcpu, unsigned intid, unsigned priority) {
    const std::uint64_t base = intid < 32 ? sgi_frame(vcpu) : distributor;
    write(vcpu, base + 0x400 + intid, priority, 1);
}

void Machine::set_edge(unsigned intid) {
    const std::uint64_t address = distributor + 0xc00 + 4 * (intid / 16);
    write(0, address, read(0, address) | (std::uint64_t{2} << (2 * (intid % 16))));
}

void Machine::route(unsigned intid, std::uint64_t affinity) {
    write(0, distributor + 0x6000 + 8 * intid, affinity, 8);
    settle();
}

void Machine::send_sgi(unsigned vcpu, std::uint64_t value, hyp::SgiRegister which) {
    gic.on_guest_exit(vcpu);
    gic.write_sgi(vcpu, which, value);
    gic.on_guest_enter(vcpu);
    settle();
}

unsigned Machine::take(unsigned vcpu) {
    const unsigned intid = cpu(vcpu).acknowledge();
    after_guest(vcpu);
    return intid;
}

void Machine::end(unsigned vcpu, unsigned intid) {
    cpu(vcpu).end(intid);
    after_guest(vcpu);
}

void Machine::deactivate(unsigned vcpu, unsigned intid) {
    if (!cpu(vcpu).deactivate(intid)) {
        gic.on_guest_exit(vcpu);
        gic.deactivate(vcpu, intid);
        gic.on_guest_enter(vcpu);
    }
    after_guest(vcpu);
}

void Machine::after_guest(unsigned vcpu) {
    for (unsigned i = 0; cpu(vcpu).maintenance(); ++i) {
        ASSERT_LT(i, 10u) << "a maintenance interrupt that does not go away";
        bounce(vcpu);
    }
    settle();
}

std::vector<unsigned> Machine::take_all(unsigned vcpu, unsigned limit) {
    std::vector<unsigned> taken;
    while (taken.size() < limit) {
        const unsigned intid = take(vcpu);
        if (intid == FakeCpu::spurious)
            break;
        taken.push_back(intid);
        end(vcpu, intid);
    }
    return taken;
}

void Machine::raise_timer(unsigned vcpu) {
    cpu(vcpu).lines.insert(27);
    if (!cpu(vcpu).physical_active.insert(27).second)
        return;
    gic.on_guest_exit(vcpu);
    gic.inject_hardware(vcpu, 27, 27);
    gic.on_guest_enter(vcpu);
    settle();
}

} // namespace twofold::test
