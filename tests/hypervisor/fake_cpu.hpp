// SPDX-License-Identifier: MIT
// FakeCpu: the virtual CPU interface of one CPU as the GIC architecture describes it: the guest
// acknowledges, ends and deactivates what the list registers hold.
#pragma once

#include "gic/virtual_cpu_interface.hpp"

#include <array>
#include <cstdint>
#include <set>
#include <vector>

namespace twofold::test {

class FakeCpu final : public hyp::VirtualCpuInterface {
public:
    static constexpr unsigned spurious = 1023;

    explicit FakeCpu(unsigned list_registers) : count_{list_registers} {}

    std::uint64_t type() override;
    std::uint64_t read_list_register(unsigned index) override;
    void write_list_register(unsigned index, std::uint64_t value) override;
    std::uint64_t read_control() override { return control_; }
    void write_control(std::uint64_t value) override { control_ = value; }
    std::uint64_t read_machine_control() override { return split_end ? 1u << 9 : 0; }
    void reset() override;
    bool physical_line(unsigned intid) override { return lines.contains(intid); }
    void deactivate_physical(unsigned intid) override { physical_active.erase(intid); }

    // What the guest does. acknowledge() gives spurious when nothing may preempt.
    unsigned acknowledge();
    // ICC_EOIR1_EL1: with split_end the priority drop only.
    void end(unsigned intid);
    // ICC_DIR_EL1. False: it traps.
    bool deactivate(unsigned intid);

    bool maintenance() const;
    unsigned used() const;

    bool split_end = false;
    bool traps_deactivate = true;       // ICH_VTR_EL2.TDS
    std::set<unsigned> lines;           // physical interrupts whose source asks for service
    std::set<unsigned> physical_active; // physical interrupts that are active

private:
    static constexpr std::uint64_t pending = std::uint64_t{1} << 62;
    static constexpr std::uint64_t active = std::uint64_t{1} << 63;
    static constexpr std::uint64_t hardware = std::uint64_t{1} << 61;

    void deactivate_listed(unsigned intid);
    static unsigned priority_of(std::uint64_t entry) { return (entry >> 48) & 0xff; }

    unsigned count_;
    std::array<std::uint64_t, 16> entries_{};
    std::uint64_t control_ = 0;
    std::vector<unsigned> running_; // active priorities, the most urgent last
};

} // namespace twofold::test
