// SPDX-License-Identifier: MIT
// Placement: where kernel and initramfs of each guest wait in the memory of QEMU's virt machine
// until the hypervisor takes them, and how much memory that machine needs.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <vector>

namespace twofold::tool {

// What a guest needs, in bytes.
struct GuestSizes {
    std::uint64_t kernel = 0;
    std::uint64_t initrd = 0;
    std::uint64_t memory = 0;
};

// The machine's memory:
//
//   1 GiB     QEMU's first instructions, the hypervisor 2 MiB above
//   1152 MiB  the machine's device tree, put there by QEMU
//   1280 MiB  kernel
//             initramfs, at the next 16 MiB
//             and so on for each guest: the hypervisor tells them apart by this order
//   2 GiB     free for the guests: whole GiB for each, and one more for tables and what does not
//             fill an extent
struct Placement {
    struct Guest {
        Pa kernel;
        Pa initrd;
    };

    std::vector<Guest> guests;
    std::uint64_t machine_memory = 0;

    static constexpr Pa ram{GiB};
    static constexpr Pa first_module{1280 * MiB};

    static Placement make(const std::vector<GuestSizes>& guests) {
        Placement placement;
        Pa next = first_module;
        std::uint64_t memory = GiB;
        for (const GuestSizes& guest : guests) {
            const Pa kernel = next.align_up(16 * MiB);
            const Pa initrd = (kernel + guest.kernel).align_up(16 * MiB);
            placement.guests.push_back({kernel, initrd});
            next = initrd + guest.initrd;
            memory += align_up(guest.memory, GiB);
        }
        placement.machine_memory = next.align_up(GiB) - ram + memory;
        return placement;
    }
};

} // namespace twofold::tool
