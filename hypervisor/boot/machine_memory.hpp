// SPDX-License-Identifier: MIT
// Which memory of the machine is whose: the image, the boot loader's leavings, and the pool.
#pragma once

#include "boot/boot_tree.hpp"
#include "memory/address_space.hpp"
#include "memory/pool.hpp"

namespace twofold::hyp {

// The image as it lies in memory, with .bss.
MemoryRange image_range();

// Maps the image, each part with what it needs. Works before relocated data is cached.
bool map_image(AddressSpace& space);

// Maps whole pages around a range.
bool map_pages(AddressSpace& space, MemoryRange range, MapKind kind);

// Maps what is free and gives it to the pool, and the modules for reading.
bool fill_pool(const BootTree& tree, const BootModules& modules, AddressSpace& space,
               MemoryPool& pool);

} // namespace twofold::hyp
