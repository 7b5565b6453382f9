// SPDX-License-Identifier: MIT
// Placement: where kernel and initramfs of a guest wait in the memory of QEMU's virt machine until
// the hypervisor takes them, and how much memory that machine needs.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>

namespace twofold::tool {

// The machine's memory:
//
//   1 GiB     QEMU's first instructions, the hypervisor 2 MiB above
//   1152 MiB  the machine's device tree, put there by QEMU
//   1280 MiB  kernel
//             initramfs, at the next 16 MiB
//   2 GiB     free for the guest: whole GiB, and one more for tables and what does not fill an
//   extent
struct Placement {
    Pa kernel;
    Pa initrd;
    std::uint64_t machine_memory = 0;

    static constexpr Pa ram{GiB};
    static constexpr Pa first_module{1280 * MiB};

    static constexpr Placement make(std::uint64_t kernel_bytes, std::uint64_t initrd_bytes,
                                    std::uint64_t guest_memory) {
        Placement placement;
        placement.kernel = first_module;
        placement.initrd = (placement.kernel + kernel_bytes).align_up(16 * MiB);
        const Pa free = (placement.initrd + initrd_bytes).align_up(GiB);
        placement.machine_memory = free - ram + align_up(guest_memory, GiB) + GiB;
        return placement;
    }
};

} // namespace twofold::tool
