// SPDX-License-Identifier: MIT
// Machine: a virtual GIC with fake CPUs, each in the guest unless it accesses a register.
#pragma once

#include "fake_cpu.hpp"
#include "gic/virtual_gic.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace twofold::test {

class Machine : public hyp::VcpuKick {
public:
    static constexpr std::uint64_t distributor = 0x0800'0000;
    static constexpr std::uint64_t redistributors = 0x080a'0000;
    static constexpr std::uint64_t stride = 0x20000;

    explicit Machine(unsigned vcpus, unsigned list_registers = 4);

    // As Linux starts it: group 1 on, SPIs routed to vCPU 0, redistributors awake, everything of
    // priority 0xa0, nothing enabled.
    void start();

    void kick(unsigned vcpu) override { kicked_[vcpu].store(true); }
    // The CPUs that were kicked leave the guest and come back.
    void settle();
    void bounce(unsigned vcpu);

    // Register accesses of a vCPU, each a trap.
    bool access(unsigned vcpu, hyp::MmioAccess& access);
    std::uint64_t read(unsigned vcpu, std::uint64_t address, unsigned bytes = 4);
    void write(unsigned vcpu, std::uint64_t address, std::uint64_t value, unsigned bytes = 4);
    std::uint64_t sgi_frame(unsigned vcpu) const {
        return redistributors + vcpu * stride + 0x10000;
    }
    // ISENABLER, ICENABLER and so on for one interrupt, from its own vCPU.
    void write_bit(unsigned vcpu, unsigned reg, unsigned intid);
    bool read_bit(unsigned vcpu, unsigned reg, unsigned intid);
    void set_priority(unsigned vcpu, unsigned intid, unsigned priority);
    void set_edge(unsigned intid);
    void route(unsigned intid, std::uint64_t affinity);
    void send_sgi(unsigned vcpu, std::uint64_t value,
                  hyp::SgiRegister which = hyp::SgiRegister::sgi1r);

    // The guest takes an interrupt; FakeCpu::spurious when there is none.
    unsigned take(unsigned vcpu);
    void end(unsigned vcpu, unsigned intid);
    void deactivate(unsigned vcpu, unsigned intid);
    // Takes and ends until there is nothing more.
    std::vector<unsigned> take_all(unsigned vcpu, unsigned limit = 1000);

    // The physical timer interrupt of the vCPU's CPU fires, when its line is high and it is not
    // active.
    void raise_timer(unsigned vcpu);
    void lower_timer(unsigned vcpu) { cpu(vcpu).lines.erase(27); }

    FakeCpu& cpu(unsigned vcpu) { return *cpus_[vcpu]; }
    hyp::VirtualGic gic;

private:
    void after_guest(unsigned vcpu);

    hyp::MmioBus bus_;
    std::vector<std::unique_ptr<FakeCpu>> cpus_;
    std::array<std::atomic<bool>, hyp::max_vcpus> kicked_{};
};

inline constexpr unsigned group_register = 0x80;
inline constexpr unsigned set_enable = 0x100;
inline constexpr unsigned clear_enable = 0x180;
inline constexpr unsigned set_pending = 0x200;
inline constexpr unsigned clear_pending = 0x280;
inline constexpr unsigned set_active = 0x300;
inline constexpr unsigned clear_active = 0x380;

} // namespace twofold::test
