// SPDX-License-Identifier: MIT
// The header of an arm64 Image (Documentation/arch/arm64/booting of Linux) and the layout of a
// guest.
#include "guest/linux_image.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace twofold::hyp {
namespace {

std::vector<std::byte> image(std::uint64_t text_offset, std::uint64_t image_size,
                             std::size_t file_size) {
    std::vector<std::byte> file(file_size);
    std::memcpy(file.data() + 8, &text_offset, 8);
    std::memcpy(file.data() + 16, &image_size, 8);
    std::memcpy(file.data() + 56, "ARMd", 4);
    return file;
}

TEST(LinuxImage, ReadsItsHeader) {
    const auto parsed = LinuxImage::parse(image(0x8'0000, 0x200'0000, 4096));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->text_offset, 0x8'0000U);
    EXPECT_EQ(parsed->image_size, 0x200'0000U);
}

TEST(LinuxImage, OldKernelsHaveNoSize) {
    const auto parsed = LinuxImage::parse(image(0, 0, 4096));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->text_offset, 0x8'0000U);
    EXPECT_EQ(parsed->image_size, 4096U);
}

TEST(LinuxImage, IsNeverSmallerThanItsFile) {
    EXPECT_EQ(LinuxImage::parse(image(0, 4095, 4096))->image_size, 4096U);
    EXPECT_EQ(LinuxImage::parse(image(0, 4097, 4096))->image_size, 4097U);
}

TEST(LinuxImage, RefusesOtherFiles) {
    EXPECT_FALSE(LinuxImage::parse({}));
    EXPECT_FALSE(LinuxImage::parse(std::vector<std::byte>(4096)));
    // The header of 64 bytes alone will do, and nothing less.
    EXPECT_TRUE(LinuxImage::parse(image(0, 4096, 64)));
    EXPECT_FALSE(LinuxImage::parse(image(0, 4096, 63)));
}

TEST(GuestLayout, PutsTreeAndInitrdBehindTheKernel) {
    const auto layout = GuestLayout::plan({.text_offset = 0, .image_size = 0x210'0000},
                                          Ipa{0x4000'0000}, 0x1000'0000, 0x10'0000);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->kernel.value, 0x4000'0000U);
    EXPECT_EQ(layout->tree.value, 0x4220'0000U);
    EXPECT_EQ(layout->initrd.value, 0x4240'0000U);
}

// The offset moves the kernel, and what comes behind it by whole blocks of 2 MiB.
TEST(GuestLayout, KeepsTheOffsetThatTheKernelAsksFor) {
    const auto layout = GuestLayout::plan({.text_offset = 0x8'0000, .image_size = 0x20'0000},
                                          Ipa{0x4000'0000}, 0x1000'0000, 0x10'0000);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->kernel.value, 0x4008'0000U);
    EXPECT_EQ(layout->tree.value, 0x4040'0000U);
    EXPECT_EQ(layout->initrd.value, 0x4060'0000U);
}

TEST(GuestLayout, FitsExactlyOrNotAtAll) {
    const LinuxImage kernel{.text_offset = 0, .image_size = 0x20'0000};
    EXPECT_TRUE(GuestLayout::plan(kernel, Ipa{0x4000'0000}, 0x80'0000, 0x40'0000));
    EXPECT_FALSE(GuestLayout::plan(kernel, Ipa{0x4000'0000}, 0x80'0000, 0x40'0001));
    EXPECT_FALSE(GuestLayout::plan(kernel, Ipa{0x4000'0000}, 0x20'0000, 0));
}

TEST(GuestLayout, SurvivesAHeaderThatLies) {
    for (const std::uint64_t wild : {~std::uint64_t{0}, ~std::uint64_t{0} - 0x20'0000}) {
        EXPECT_FALSE(GuestLayout::plan({.text_offset = wild, .image_size = 1}, Ipa{0x4000'0000},
                                       0x4000'0000, 0));
        EXPECT_FALSE(GuestLayout::plan({.text_offset = 0, .image_size = wild}, Ipa{0x4000'0000},
                                       0x4000'0000, 0));
        EXPECT_FALSE(GuestLayout::plan({.text_offset = 0, .image_size = 1}, Ipa{0x4000'0000},
                                       0x4000'0000, wild));
    }
}

} // namespace
} // namespace twofold::hyp
