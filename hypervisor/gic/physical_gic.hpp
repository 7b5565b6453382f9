// SPDX-License-Identifier: MIT
// PhysicalGic: the machine's GICv3, driven from EL2 with affinity routing. Everything is in
// non-secure group 1. End of interrupt is split (EOImode = 1): end_of_interrupt() drops the
// priority, deactivate() lets the interrupt come again; what is mapped into a guest (HW = 1 in a
// list register) is deactivated by the guest.
#pragma once

#include "cpu/spinlock.hpp"
#include "gic/cpu_interface.hpp"

#include <array>
#include <cstdint>

namespace twofold::hyp {

inline constexpr unsigned maintenance_interrupt = 25;
inline constexpr unsigned hypervisor_timer_interrupt = 26;
inline constexpr unsigned virtual_timer_interrupt = 27;
inline constexpr unsigned physical_timer_interrupt = 30;

class PhysicalGic {
public:
    static constexpr unsigned max_cpus = 8;
    static constexpr unsigned first_special = 1020; // 1023: nothing is pending

    constexpr PhysicalGic() = default;

    // On the boot CPU, once. All SPIs are disabled, level and not pending. False: no GICv3 there.
    bool init(std::uintptr_t distributor, std::uintptr_t redistributors,
              std::uint64_t redistributors_size);
    // On each CPU, with its MPIDR_EL1. Wakes the redistributor, disables all PPIs, enables all SGIs
    // and turns the CPU interface on. False: no redistributor has this affinity.
    bool init_cpu(unsigned cpu, std::uint64_t mpidr);

    // INTID, or one of first_special and above. Ask again until nothing is pending.
    unsigned acknowledge() { return cpu_interface::acknowledge(); }
    void end_of_interrupt(unsigned intid) { cpu_interface::drop_priority(intid); }
    void deactivate(unsigned intid) { cpu_interface::deactivate(intid); }

    // SGIs and PPIs (below 32): those of the given CPU. SPIs: `cpu` is who gets them.
    void enable(unsigned cpu, unsigned intid);
    void disable(unsigned cpu, unsigned intid);
    // Pending by state or by line, even while active.
    bool is_pending(unsigned cpu, unsigned intid) const;
    // An SPI comes once more, whatever its line says.
    void set_pending(unsigned intid);

    // `cpu` has been through init_cpu. Earlier stores are visible to whoever takes the SGI.
    void send_sgi(unsigned cpu, unsigned intid);

    unsigned interrupts() const { return interrupts_; }

private:
    std::uintptr_t find_redistributor(std::uint64_t affinity) const;
    void wait_for_distributor() const;

    Spinlock lock_;
    std::uintptr_t distributor_ = 0;
    std::uintptr_t redistributors_ = 0;
    std::uint64_t redistributors_size_ = 0;
    unsigned interrupts_ = 0; // INTIDs below this exist
    std::array<std::uintptr_t, max_cpus> redistributor_{};
    std::array<std::uint64_t, max_cpus> affinity_{};
};

} // namespace twofold::hyp
