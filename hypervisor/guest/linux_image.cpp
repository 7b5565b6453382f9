// SPDX-License-Identifier: MIT
// Reading of an Image's header, and the arithmetic of the layout.
#include "guest/linux_image.hpp"

#include <cstring>

namespace twofold::hyp {

namespace {

constexpr std::uint64_t block = 2 * MiB;

std::uint64_t little_endian(std::span<const std::byte> at) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i)
        value |= static_cast<std::uint64_t>(at[i]) << (8 * i);
    return value;
}

} // namespace

std::expected<LinuxImage, std::string_view> LinuxImage::parse(std::span<const std::byte> file) {
    constexpr std::size_t header_size = 64;
    if (file.size() < header_size || std::memcmp(file.data() + 56, "ARMd", 4) != 0)
        return std::unexpected("the kernel is not an uncompressed arm64 Image");
    LinuxImage image{.text_offset = little_endian(file.subspan(8, 8)),
                     .image_size = little_endian(file.subspan(16, 8))};
    if (image.image_size == 0) // before Linux 3.17
        image.text_offset = 0x80000;
    if (image.image_size < file.size())
        image.image_size = file.size();
    return image;
}

std::expected<GuestLayout, std::string_view> GuestLayout::plan(const LinuxImage& image, Ipa memory,
                                                               std::uint64_t memory_size,
                                                               std::uint64_t initrd_size) {
    const bool sane = image.text_offset < memory_size && image.image_size < memory_size &&
                      initrd_size < memory_size;
    const std::uint64_t tree = align_up(image.text_offset + image.image_size, block);
    const std::uint64_t initrd = tree + block;
    if (!sane || initrd >= memory_size || initrd_size > memory_size - initrd)
        return std::unexpected("kernel and initrd do not fit into guest.memory");
    return GuestLayout{memory + image.text_offset, memory + tree, memory + initrd};
}

} // namespace twofold::hyp
