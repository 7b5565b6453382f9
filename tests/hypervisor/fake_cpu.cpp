// SPDX-License-Identifier: MIT
// The virtual CPU interface, and the rules that a hypervisor has to keep when it fills it.
#include "fake_cpu.hpp"

#include <gtest/gtest.h>

namespace twofold::test {

std::uint64_t FakeCpu::type() {
    // PRIbits, PREbits: 5 each; TDS; ListRegs
    return (std::uint64_t{4} << 29) | (std::uint64_t{4} << 26) |
           (std::uint64_t{traps_deactivate} << 19) | (count_ - 1);
}

std::uint64_t FakeCpu::read_list_register(unsigned index) {
    EXPECT_LT(index, count_);
    return entries_.at(index);
}

void FakeCpu::write_list_register(unsigned index, std::uint64_t value) {
    EXPECT_LT(index, count_);
    entries_.at(index) = value;
    if ((value & (pending | active)) == 0)
        return;
    EXPECT_FALSE((value & hardware) != 0 && (value & pending) != 0 && (value & active) != 0)
        << "pending and active is not for physical interrupts";
    EXPECT_EQ(value & 0x0f00'e000'0000'0000, 0u) << "RES0";
    for (unsigned i = 0; i < count_; ++i) {
        EXPECT_FALSE(i != index && (entries_[i] & (pending | active)) != 0 &&
                     static_cast<std::uint32_t>(entries_[i]) == static_cast<std::uint32_t>(value))
            << "INTID " << static_cast<std::uint32_t>(value) << " is listed twice";
    }
}

void FakeCpu::reset() {
    control_ = 0;
    running_.clear();
}

unsigned FakeCpu::acknowledge() {
    if ((control_ & 1) == 0)
        return spurious;
    std::uint64_t* best = nullptr;
    for (unsigned i = 0; i < count_; ++i) {
        std::uint64_t& entry = entries_[i];
        if ((entry & (pending | active)) == pending &&
            (best == nullptr || priority_of(entry) < priority_of(*best)))
            best = &entry;
    }
    if (best == nullptr || (!running_.empty() && priority_of(*best) >= running_.back()))
        return spurious;
    *best = (*best & ~pending) | active;
    running_.push_back(priority_of(*best));
    return static_cast<std::uint32_t>(*best);
}

void FakeCpu::end(unsigned intid) {
    if (!running_.empty())
        running_.pop_back();
    if (!split_end)
        deactivate_listed(intid);
}

bool FakeCpu::deactivate(unsigned intid) {
    if ((control_ & (1u << 14)) != 0)
        return false;
    deactivate_listed(intid);
    return true;
}

void FakeCpu::deactivate_listed(unsigned intid) {
    for (unsigned i = 0; i < count_; ++i) {
        std::uint64_t& entry = entries_[i];
        if ((entry & active) == 0 || static_cast<std::uint32_t>(entry) != intid)
            continue;
        entry &= ~active;
        if ((entry & hardware) != 0)
            physical_active.erase((entry >> 32) & 0x1fff);
        return;
    }
    control_ += std::uint64_t{1} << 27; // EOIcount
}

bool FakeCpu::maintenance() const {
    bool any_pending = false;
    for (unsigned i = 0; i < count_; ++i) {
        const std::uint64_t entry = entries_[i];
        any_pending = any_pending || (entry & (pending | active)) == pending;
        if ((entry & (pending | active | hardware)) == 0 && ((entry >> 41) & 1) != 0)
            return true;
    }
    if ((control_ & (1u << 3)) != 0 && !any_pending)
        return true;
    return (control_ & (1u << 2)) != 0 && (control_ >> 27) != 0;
}

unsigned FakeCpu::used() const {
    unsigned used = 0;
    for (unsigned i = 0; i < count_; ++i)
        used += (entries_[i] & (pending | active)) != 0 ? 1 : 0;
    return used;
}

} // namespace twofold::test
