// SPDX-License-Identifier: MIT
// HardwareCpuInterface: the real ICH_* registers of whatever CPU runs the code; one object serves
// all CPUs.
#pragma once

#include "gic/virtual_cpu_interface.hpp"

namespace twofold::hyp {

class HardwareCpuInterface final : public VirtualCpuInterface {
public:
    constexpr HardwareCpuInterface() = default;

    std::uint64_t type() override;
    std::uint64_t read_list_register(unsigned index) override;
    void write_list_register(unsigned index, std::uint64_t value) override;
    std::uint64_t read_control() override;
    void write_control(std::uint64_t value) override;
    std::uint64_t read_machine_control() override;
    void reset() override;
    // The lines of the virtual and of the physical EL1 timer come from CNTV_CTL_EL0 and
    // CNTP_CTL_EL0, which belong to the guest; other interrupts are taken to be asserted until the
    // guest deactivates them.
    bool physical_line(unsigned physical_intid) override;
    void deactivate_physical(unsigned physical_intid) override;
};

} // namespace twofold::hyp
