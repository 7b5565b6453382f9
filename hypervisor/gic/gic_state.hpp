// SPDX-License-Identifier: MIT
// GicState: what the parts of a virtual GIC share, under one lock.
#pragma once

#include "cpu/spinlock.hpp"
#include "gic/interrupt_bank.hpp"
#include "gic/virtual_cpu_interface.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace twofold::hyp {

inline constexpr unsigned max_vcpus = 8;
inline constexpr unsigned max_list_registers = 16;
inline constexpr unsigned private_interrupts = 32;
inline constexpr unsigned shared_banks = 2;
inline constexpr unsigned shared_interrupts = shared_banks * InterruptBank::size;
inline constexpr unsigned interrupt_limit = private_interrupts + shared_interrupts;

class VcpuKick {
public:
    // Makes the vCPU leave the guest and enter it again, by an SGI to its CPU. Nothing to do when
    // that is the calling CPU. Called with the GIC's lock held.
    virtual void kick(unsigned vcpu) = 0;

protected:
    ~VcpuKick() = default;
};

struct VcpuInterrupts {
    InterruptBank bank; // SGIs and PPIs
    std::uint64_t affinity = 0;
    VirtualCpuInterface* interface = nullptr;
    bool asleep = true; // GICR_WAKER.ProcessorSleep
    // Something changed since the list registers were filled. Whoever sets it kicks the vCPU.
    std::atomic<bool> stale{false};
    // Counts how often the list registers were brought back, for whoever waits for it.
    std::atomic<std::uint32_t> folds{0};

    // What the list registers hold, only changed on the vCPU's own CPU.
    unsigned list_registers = 0; // 0 until reset_cpu
    unsigned used = 0;
    std::array<std::uint16_t, max_list_registers> listed{}; // INTIDs
    std::uint32_t lent = 0;    // a bit per list register: its pending state came from `latched`
    std::uint64_t control = 0; // ICH_HCR_EL2 as written last
};

struct GicState {
    static constexpr std::uint8_t nobody = 0xff;

    Spinlock lock;
    std::array<VcpuInterrupts, max_vcpus> vcpus;
    unsigned vcpu_count = 0;
    VcpuKick* kick = nullptr;

    std::uint32_t groups_enabled = 0;               // GICD_CTLR [1:0] EnableGrp1, EnableGrp0
    std::array<InterruptBank, shared_banks> shared; // SPIs
    std::array<std::uint64_t, shared_interrupts> route{};
    std::array<std::uint8_t, shared_interrupts> target{}; // vCPU of the route, or nobody
    // The vCPU where an SPI is resident or active.
    std::array<std::uint8_t, shared_interrupts> holder{};

    // All of the following need the lock.

    // Null when there is no such interrupt. Private ones are those of `vcpu`.
    InterruptBank* find_bank(unsigned vcpu, unsigned intid);
    unsigned vcpu_of_affinity(std::uint64_t affinity) const;

    // The list registers of the vCPU are to be filled anew.
    void refresh(unsigned vcpu);
    // ... of each vCPU that is concerned by a change of these interrupts in shared[n].
    void announce_shared(unsigned n, std::uint32_t mask);
    void announce_all();

    // Brings interrupts back from list registers. It may release the lock for a while, until the
    // vCPU that holds them has left the guest; on return they are in memory and stay there until
    // the lock is released. `self` is the vCPU of this CPU.
    void recall_private(unsigned self, unsigned vcpu, std::uint32_t mask);
    void recall_shared(unsigned self, unsigned n, std::uint32_t mask);

private:
    template <typename HolderOf>
    bool hold(unsigned self, InterruptBank& bank, std::uint32_t mask, HolderOf holder_of);
};

} // namespace twofold::hyp
