// SPDX-License-Identifier: MIT
// Puts a Linux kernel, its initrd and its device tree into a guest's memory.
#pragma once

#include "boot/boot_tree.hpp"
#include "devices/guest_tree.hpp"
#include "guest/guest_ram.hpp"

#include <expected>
#include <string_view>

namespace twofold::hyp {

// The header of an arm64 Image, as far as it matters (Documentation/arch/arm64/booting).
struct LinuxImage {
    std::uint64_t text_offset = 0;
    std::uint64_t image_size = 0; // in memory, more than the file

    static std::expected<LinuxImage, std::string_view> parse(std::span<const std::byte> file);
};

struct LoadedGuest {
    Ipa entry;
    Ipa tree;
};

// Where things go: the kernel at its offset, the tree behind it, the initrd behind that.
struct GuestLayout {
    Ipa kernel;
    Ipa tree;
    Ipa initrd;

    static constexpr std::uint64_t tree_bytes = 64 * KiB;
    static std::expected<GuestLayout, std::string_view>
    plan(const LinuxImage& image, Ipa memory, std::uint64_t memory_size, std::uint64_t initrd_size);
};

// `tree` says everything but the initrd's address.
std::expected<LoadedGuest, std::string_view> load_linux(GuestRam& memory,
                                                        const BootModules& modules, GuestTree tree);

} // namespace twofold::hyp
