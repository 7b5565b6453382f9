// SPDX-License-Identifier: MIT
// Machine: one virtual machine of /dev/kvm, with its memory and its interrupt controller.
#pragma once

#include "memory.hpp"
#include "options.hpp"

#include <vector>

namespace twofold::vmm {

class Machine {
public:
    // With the image and the device tree in the first slot.
    explicit Machine(const Options& options);

    int vm() const { return vm_; }
    // How much of a vCPU is shared with the kernel.
    std::size_t run_bytes() const { return run_bytes_; }
    std::uint64_t entry() const { return entry_; }
    std::uint64_t tree() const { return tree_; }
    const std::vector<Memory>& memory() const { return memory_; }
    const Memory* memory_at(std::uint64_t ipa) const;

    // Once there is a vCPU.
    void add_interrupt_controller() const;
    void log_writes(bool on) const;
    // How many pages were written since the last time.
    std::uint64_t harvest() const;

private:
    void set_slot(std::uint32_t number, std::uint32_t more_flags) const;
    void load(const Options& options);

    int vm_ = -1;
    std::size_t run_bytes_ = 0;
    std::uint64_t entry_ = 0;
    std::uint64_t tree_ = 0;
    std::vector<Memory> memory_;
};

} // namespace twofold::vmm
