// SPDX-License-Identifier: MIT
// VirtualCpuInterface: the ICH_* registers of one CPU, and what the virtual GIC needs of the
// physical one. Called on that CPU only.
#pragma once

#include <cstdint>

namespace twofold::hyp {

class VirtualCpuInterface {
public:
    // ICH_VTR_EL2
    virtual std::uint64_t type() = 0;
    // ICH_LR<index>_EL2, index below the number that type() gives
    virtual std::uint64_t read_list_register(unsigned index) = 0;
    virtual void write_list_register(unsigned index, std::uint64_t value) = 0;
    // ICH_HCR_EL2
    virtual std::uint64_t read_control() = 0;
    virtual void write_control(std::uint64_t value) = 0;
    // ICH_VMCR_EL2
    virtual std::uint64_t read_machine_control() = 0;
    // Interface and active priorities as after power-on: nothing active, all groups off.
    virtual void reset() = 0;

    // Whether the physical interrupt's source asks for service now.
    virtual bool physical_line(unsigned physical_intid) = 0;
    // Deactivates a physical interrupt that the guest will not deactivate any more.
    virtual void deactivate_physical(unsigned physical_intid) = 0;

protected:
    ~VirtualCpuInterface() = default;
};

} // namespace twofold::hyp
