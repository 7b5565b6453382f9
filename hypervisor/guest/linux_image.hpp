// SPDX-License-Identifier: MIT
// LinuxImage: an arm64 kernel as its header describes it; GuestLayout: where it goes in a guest.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace twofold::hyp {

// The header of an arm64 Image, as far as it matters (Documentation/arch/arm64/booting).
struct LinuxImage {
    std::uint64_t text_offset = 0;
    std::uint64_t image_size = 0; // in memory, more than the file

    static std::expected<LinuxImage, std::string_view> parse(std::span<const std::byte> file);
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

} // namespace twofold::hyp
