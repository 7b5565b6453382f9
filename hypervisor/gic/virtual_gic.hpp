// SPDX-License-Identifier: MIT
// VirtualGic: the GICv3 of one guest with up to 8 vCPUs, each pinned to a physical CPU.
//
// How EL2 uses it, all with interrupts masked:
//   once          init(config), then the distributor and the redistributors go on the MmioBus
//   vCPU starts   reset_cpu(vcpu) on its CPU, at PSCI CPU_ON too
//   guest exit    on_guest_exit(vcpu) before any call of this interface, any MMIO access, and
//                 whatever waits for another vCPU; no lock is held. An exit without any of these
//                 needs neither this nor on_guest_enter: a kick is taken when it returns
//   guest entry   on_guest_enter(vcpu) last
//   IRQ           acknowledge, end_of_interrupt; then for
//                   PPI 27  inject_hardware(vcpu, 27, 27): no deactivate, the guest does it
//                   PPI 25  deactivate: the exit itself has done the work
//                   kick    deactivate: the next on_guest_enter does the work
//                   UART    VirtualUart::receive(), deactivate
//   trap          write_sgi() for ICC_SGI1R/SGI0R/ASGI1R_EL1, deactivate() for ICC_DIR_EL1
#pragma once

#include "devices/interrupt_line.hpp"
#include "devices/mmio.hpp"
#include "gic/distributor.hpp"
#include "gic/gic_state.hpp"
#include "gic/list_registers.hpp"
#include "gic/redistributor.hpp"

#include <cstdint>
#include <span>

namespace twofold::hyp {

struct VirtualGicConfig {
    Ipa distributor;
    Ipa redistributors;
    std::span<const std::uint64_t> mpidrs; // of each vCPU
    // Of each vCPU; on the machine they are all the same HardwareCpuInterface.
    std::span<VirtualCpuInterface* const> cpu_interfaces;
    VcpuKick* kick = nullptr;
};

enum class SgiRegister : std::uint8_t { sgi1r, sgi0r, asgi1r };

class VirtualGic {
public:
    constexpr VirtualGic() : distributor_{state_}, redistributors_{state_} {}

    // False: no vCPU, too many, or the lists differ in length.
    bool init(const VirtualGicConfig& config);
    // Everything as after power-on. No vCPU is in the guest; each calls reset_cpu before it is
    // again.
    void reset();
    // The calling CPU's interface as after power-on; interrupts that were in its list registers are
    // pending or active in the redistributor and distributor as before.
    void reset_cpu(unsigned vcpu);

    MmioDevice& distributor() { return distributor_; }
    MmioDevice& redistributors() { return redistributors_; }

    void on_guest_exit(unsigned vcpu);
    void on_guest_enter(unsigned vcpu);
    // An enabled interrupt is pending for the vCPU: it has a reason to leave WFI. Between exit and
    // entry, on its CPU.
    bool has_pending(unsigned vcpu);

    // SPIs, from any CPU. An INTID that does not exist is ignored.
    void set_level(unsigned intid, bool level);
    void inject(unsigned intid);
    // SGIs and PPIs of one vCPU, from any CPU.
    void set_level(unsigned vcpu, unsigned intid, bool level);
    void inject(unsigned vcpu, unsigned intid);
    // A physical interrupt that is acknowledged and active on the vCPU's own CPU becomes the
    // guest's `intid`; its deactivation by the guest deactivates the physical one. On that CPU.
    void inject_hardware(unsigned vcpu, unsigned intid, unsigned physical_intid);

    // A trapped write of the vCPU to one of the registers that generate SGIs.
    void write_sgi(unsigned vcpu, SgiRegister which, std::uint64_t value);
    // A trapped write of the vCPU to ICC_DIR_EL1. Traps only while more interrupts are active than
    // there are list registers (ICH_HCR_EL2.TDIR).
    void deactivate(unsigned vcpu, std::uint64_t value);

private:
    bool is_vcpu(unsigned vcpu) const { return vcpu < state_.vcpu_count; }

    GicState state_;
    Distributor distributor_;
    Redistributors redistributors_;
};

// The wire of an emulated device to one SPI.
class SpiLine final : public InterruptLine {
public:
    constexpr SpiLine(VirtualGic& gic, unsigned intid) : gic_{gic}, intid_{intid} {}
    void set(bool level) override { gic_.set_level(intid_, level); }

private:
    VirtualGic& gic_;
    unsigned intid_;
};

} // namespace twofold::hyp
