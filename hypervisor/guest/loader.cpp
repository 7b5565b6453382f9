// SPDX-License-Identifier: MIT
// Loading of a Linux guest.
#include "guest/loader.hpp"

#include "cpu/spinlock.hpp"

#include <array>

namespace twofold::hyp {

namespace {

std::span<const std::byte> bytes_of(MemoryRange range) {
    return {reinterpret_cast<const std::byte*>(range.start), range.size};
}

} // namespace

std::expected<LoadedGuest, std::string_view>
load_linux(GuestRam& memory, const GuestModules& modules, GuestTree tree) {
    if (modules.kernel.empty())
        return std::unexpected("no kernel: there is no multiboot,kernel module in /chosen");
    const auto image = LinuxImage::parse(bytes_of(modules.kernel));
    if (!image)
        return std::unexpected(image.error());
    const auto layout =
        GuestLayout::plan(*image, tree.memory, tree.memory_size, modules.initrd.size);
    if (!layout)
        return std::unexpected(layout.error());

    // Two guests may reset at the same time.
    alignas(8) static std::array<std::byte, GuestLayout::tree_bytes> buffer;
    static constinit Spinlock lock_of_buffer;
    const LockGuard guard{lock_of_buffer};
    tree.initrd = layout->initrd;
    const auto tree_size = make_guest_tree(tree, buffer);
    if (!tree_size)
        return std::unexpected("the device tree of the guest cannot be made");

    if (!memory.write(layout->kernel, bytes_of(modules.kernel)) ||
        !memory.write(layout->tree, {buffer.data(), *tree_size}) ||
        !memory.write(layout->initrd, bytes_of(modules.initrd)))
        return std::unexpected("the pool has no extent to load it into");
    return LoadedGuest{.entry = layout->kernel, .tree = layout->tree};
}

} // namespace twofold::hyp
