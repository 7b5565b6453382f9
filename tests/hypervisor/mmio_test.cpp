// SPDX-License-Identifier: MIT
// The bus between a guest's accesses and the emulated devices.
#include "devices/mmio.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace twofold::test {

namespace {

class Device final : public hyp::MmioDevice {
public:
    Device(std::uint64_t base, std::uint64_t size) { place(Ipa{base}, size); }
    bool access(unsigned, hyp::MmioAccess& access) override {
        ++accesses;
        if (!access.write)
            access.value = 0x1122'3344'5566'7788;
        return takes;
    }
    bool takes = true;
    unsigned accesses = 0;
};

TEST(MmioBus, FindsByAddress) {
    hyp::MmioBus bus;
    Device low{0x1000, 0x1000};
    Device high{0x2000, 0x10};
    ASSERT_TRUE(bus.add(low));
    ASSERT_TRUE(bus.add(high));
    EXPECT_EQ(bus.find(Ipa{0xfff}), nullptr);
    EXPECT_EQ(bus.find(Ipa{0x1000}), &low);
    EXPECT_EQ(bus.find(Ipa{0x1fff}), &low);
    EXPECT_EQ(bus.find(Ipa{0x2000}), &high);
    EXPECT_EQ(bus.find(Ipa{0x2010}), nullptr);
    EXPECT_EQ(bus.find(Ipa{~0ull}), nullptr);
}

TEST(MmioBus, RefusesOverlapAndOverflow) {
    hyp::MmioBus bus;
    Device device{0x1000, 0x1000};
    Device inside{0x1800, 0x10};
    Device around{0x0, 0x10000};
    Device empty{0x8000, 0};
    Device beyond{~0ull - 10, 0x1000};
    ASSERT_TRUE(bus.add(device));
    EXPECT_FALSE(bus.add(inside));
    EXPECT_FALSE(bus.add(around));
    EXPECT_FALSE(bus.add(empty));
    EXPECT_FALSE(bus.add(beyond));
    std::deque<Device> more;
    for (unsigned i = 1; i < hyp::MmioBus::capacity; ++i)
        EXPECT_TRUE(bus.add(more.emplace_back(0x10000 * i, 0x1000)));
    Device last{0x900'0000, 0x1000};
    EXPECT_FALSE(bus.add(last));
}

TEST(MmioBus, CutsReadsToTheirSize) {
    hyp::MmioBus bus;
    Device device{0x1000, 0x1000};
    ASSERT_TRUE(bus.add(device));
    const std::pair<unsigned, std::uint64_t> sizes[] = {
        {1, 0x88}, {2, 0x7788}, {4, 0x5566'7788}, {8, 0x1122'3344'5566'7788}};
    for (const auto& [bytes, expected] : sizes) {
        hyp::MmioAccess access{Ipa{0x1000}, bytes, false, 0};
        EXPECT_TRUE(bus.access(0, access));
        EXPECT_EQ(access.value, expected);
    }
    device.takes = false;
    hyp::MmioAccess access{Ipa{0x1000}, 4, false, 0};
    EXPECT_FALSE(bus.access(0, access));
}

TEST(MmioBus, RefusesHolesOddSizesAndAccessesAcrossTheEnd) {
    hyp::MmioBus bus;
    Device device{0x1000, 0x1000};
    ASSERT_TRUE(bus.add(device));
    for (const auto& [address, bytes] : {std::pair{0xfffu, 1u},
                                         {0xffcu, 8u},
                                         {0x1ffdu, 4u},
                                         {0x1fffu, 2u},
                                         {0x1000u, 0u},
                                         {0x1000u, 3u},
                                         {0x1000u, 16u},
                                         {0x2000u, 4u}}) {
        hyp::MmioAccess access{Ipa{address}, bytes, false, 0};
        EXPECT_FALSE(bus.access(0, access)) << std::hex << address;
    }
    EXPECT_EQ(device.accesses, 0u);
}

} // namespace

} // namespace twofold::test
