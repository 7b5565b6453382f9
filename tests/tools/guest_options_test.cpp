// SPDX-License-Identifier: MIT
// What --vm says of a further guest.
#include "tools/run/guest_options.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

GuestOptions defaults() {
    return {.name = "vm2",
            .kernel = "k",
            .initrd = "i",
            .append = "quiet",
            .memory = 512 * MiB,
            .extent = 2 * MiB,
            .around = 4 * KiB,
            .ipa_bits = 36,
            .granule = Granule::k16,
            .lpa2 = true,
            .smp = 3};
}

std::string error_of(std::string_view text) {
    const auto guest = parse_guest(text, defaults());
    return guest ? "" : guest.error();
}

TEST(GuestOptions, WhatIsNotSaidIsAsForTheOther) {
    const auto guest = parse_guest("memory=64M", defaults());
    ASSERT_TRUE(guest) << guest.error();
    EXPECT_EQ(guest->name, "vm2");
    EXPECT_EQ(guest->kernel, "k");
    EXPECT_EQ(guest->initrd, "i");
    EXPECT_EQ(guest->append, "quiet");
    EXPECT_EQ(guest->memory, 0x400'0000U);
    EXPECT_EQ(guest->extent, 0x20'0000U);
    EXPECT_EQ(guest->around, 0x1000U);
    EXPECT_EQ(guest->ipa_bits, 36U);
    EXPECT_EQ(guest->granule, Granule::k16);
    EXPECT_TRUE(guest->lpa2);
    EXPECT_EQ(guest->smp, 3U);
}

TEST(GuestOptions, EveryKeyIsTaken) {
    const auto guest =
        parse_guest("name=db-1,kernel=a/Image,initrd=,append=console=ttyAMA0,,115200 quiet,"
                    "memory=2G,extent=4K,fault-around=64K,ipa=0x28,granule=64K,lpa2=off,smp=1",
                    defaults());
    ASSERT_TRUE(guest) << guest.error();
    EXPECT_EQ(guest->name, "db-1");
    EXPECT_EQ(guest->kernel, "a/Image");
    EXPECT_EQ(guest->initrd, "");
    EXPECT_EQ(guest->append, "console=ttyAMA0,115200 quiet");
    EXPECT_EQ(guest->memory, 0x8000'0000U);
    EXPECT_EQ(guest->extent, 0x1000U);
    EXPECT_EQ(guest->around, 0x1'0000U);
    EXPECT_EQ(guest->ipa_bits, 40U);
    EXPECT_EQ(guest->granule, Granule::k64);
    EXPECT_FALSE(guest->lpa2);
    EXPECT_EQ(guest->smp, 1U);
    EXPECT_TRUE(parse_guest("lpa2=on", {})->lpa2);
    EXPECT_TRUE(parse_guest("lpa2", {})->lpa2);
}

TEST(GuestOptions, ErrorsSayWhatWasExpected) {
    EXPECT_EQ(error_of("memory=1000"), "--vm: memory: expected a multiple of 2M, not \"1000\"");
    EXPECT_EQ(error_of("extent=3K"),
              "--vm: extent: expected a power of two from 4K to 1G, not \"3K\"");
    EXPECT_EQ(error_of("fault-around=4M"),
              "--vm: fault-around: expected a power of two from 4K to 2M, not \"4M\"");
    EXPECT_EQ(error_of("ipa=65"), "--vm: ipa: expected 1 to 64, not \"65\"");
    EXPECT_EQ(error_of("granule=8K"), "--vm: granule: expected 4K, 16K or 64K, not \"8K\"");
    EXPECT_EQ(error_of("smp=9"), "--vm: smp: expected 1 to 8, not \"9\"");
    EXPECT_EQ(error_of("lpa2=yes"), "--vm: lpa2: expected on or off, not \"yes\"");
    for (const char* const name : {"", "a b", "a/b", "\n", "an-awfully-long-name-23", "twofold"}) {
        EXPECT_EQ(error_of(std::string{"name="} + name),
                  std::string{"--vm: name: expected at most 22 letters, digits, '-', '_' and '.', "
                              "and not \"twofold\", not \""} +
                      name + "\"");
    }
    for (const char* const text :
         {"", "nonsense=1", "memory", "memory=1G,", ",memory=1G", "memory=1G,x"}) {
        EXPECT_EQ(
            error_of(text),
            std::string{"--vm: expected KEY=VALUE,... of name, kernel, initrd, append, memory, "
                        "extent, fault-around, ipa, granule, lpa2, smp, not \""} +
                text + "\"");
    }
}

} // namespace
} // namespace twofold::tool
