// SPDX-License-Identifier: MIT
// Attributes: every combination in every format, to bits placed by hand and back.
#include <twofold/arch.hpp>

#include <gtest/gtest.h>

namespace {

using namespace twofold;

struct Bits {
    std::uint64_t value;
    bool legal;
};

// The manual's bit positions and encodings, written out.
Bits by_hand(const Attributes& a, const AttributeFormat& format) {
    static constexpr int mem_attr[8][2] = {
        // without and with FWB; -1 cannot be expressed
        {0x0, 0x0}, {0x1, 0x1}, {0x2, 0x2}, {0x3, 0x3},
        {0x5, 0x5}, {0xa, -1},  {0xf, 0x6}, {-1, 0x7},
    };
    const int attr = mem_attr[static_cast<unsigned>(a.type)][format.fwb ? 1 : 0];
    bool legal = attr >= 0 && a.software < 16;
    std::uint64_t bits = static_cast<std::uint64_t>(attr < 0 ? 0 : attr) << 2;
    if (a.permissions.read) {
        bits |= 0x40;
    }
    if (a.permissions.write) {
        bits |= 0x80;
    }
    const bool el1 = a.permissions.execute_el1;
    const bool el0 = a.permissions.execute_el0;
    if (!el1 && !el0) {
        bits |= 0x0040'0000'0000'0000; // XN = 10
    } else if (!el1) {
        bits |= 0x0020'0000'0000'0000; // 01
        legal = legal && format.xnx;
    } else if (!el0) {
        bits |= 0x0060'0000'0000'0000; // 11
        legal = legal && format.xnx;
    }
    if (format.lpa2) {
        legal = legal && a.shareability == Shareability::inner;
    } else if (a.shareability == Shareability::outer) {
        bits |= 0x200;
    } else if (a.shareability == Shareability::inner) {
        bits |= 0x300;
    }
    if (a.access_flag) {
        bits |= 0x400;
    }
    if (a.fnxs) {
        bits |= 0x800;
    }
    if (a.nt) {
        bits |= 0x1'0000;
    }
    if (a.dbm) {
        bits |= 0x0008'0000'0000'0000;
    }
    bits |= std::uint64_t{a.software} << 55;
    return {bits, legal};
}

template <class Visit>
void every_attribute(Visit visit) {
    for (unsigned p = 0; p < 16; ++p) {
        for (unsigned type = 0; type < 8; ++type) {
            for (const auto sh : {Shareability::none, Shareability::outer, Shareability::inner}) {
                for (unsigned flags = 0; flags < 16; ++flags) {
                    for (unsigned software = 0; software <= 16; ++software) {
                        visit(Attributes{
                            .permissions = {.read = (p & 1) != 0,
                                            .write = (p & 2) != 0,
                                            .execute_el1 = (p & 4) != 0,
                                            .execute_el0 = (p & 8) != 0},
                            .type = static_cast<MemoryType>(type),
                            .shareability = sh,
                            .access_flag = (flags & 1) != 0,
                            .dbm = (flags & 2) != 0,
                            .fnxs = (flags & 4) != 0,
                            .nt = (flags & 8) != 0,
                            .software = static_cast<std::uint8_t>(software),
                        });
                    }
                }
            }
        }
    }
}

TEST(Attributes, EveryCombinationInEveryFormat) {
    for (unsigned bits = 0; bits < 8; ++bits) {
        const AttributeFormat format{
            .fwb = (bits & 1) != 0, .xnx = (bits & 2) != 0, .lpa2 = (bits & 4) != 0};
        std::uint64_t legal = 0;
        every_attribute([&](const Attributes& a) {
            if (HasFatalFailure()) {
                return;
            }
            const auto expected = by_hand(a, format);
            const auto encoded = format.encode(a);
            if (encoded.has_value() != expected.legal) {
                FAIL() << "format " << bits << ": "
                       << (encoded ? "accepted" : to_string(encoded.error()));
            }
            if (!encoded) {
                return;
            }
            ++legal;
            if (*encoded != expected.value) {
                FAIL() << "format " << bits << std::hex << ": " << *encoded << ", expected "
                       << expected.value;
            }
            // Back, with address bits around; a page has no nT.
            const std::uint64_t address = format.lpa2 ? 0x0003'ffff'ffc0'0303 : 0xffff'ffc0'0003;
            auto page = a;
            page.nt = false;
            if (format.decode(*encoded | address, 2) != a ||
                format.decode(*encoded | address, 3) != page) {
                FAIL() << "format " << bits << std::hex << ": " << *encoded << " reads otherwise";
            }
        });
        // Types that can be expressed, permissions, shareabilities, flags and software bits.
        EXPECT_EQ(legal, 7U * (format.xnx ? 16 : 8) * (format.lpa2 ? 1 : 3) * 16 * 16);
    }
}

TEST(Attributes, AnErrorNamesWhatIsWrong) {
    const Attributes good{.permissions = Permissions::rwx()};
    const auto error = [](const Attributes& a, const AttributeFormat& format) {
        const auto encoded = format.encode(a);
        EXPECT_FALSE(encoded);
        return encoded ? Error::range_empty : encoded.error();
    };
    EXPECT_TRUE(AttributeFormat{}.encode(good));
    auto a = good;
    a.permissions.execute_el0 = false;
    EXPECT_EQ(error(a, {}), Error::execute_needs_xnx);
    a = good;
    a.type = MemoryType::stage1_decides;
    EXPECT_EQ(error(a, {}), Error::memory_type_needs_fwb);
    a.type = MemoryType::normal_wt;
    EXPECT_EQ(error(a, {.fwb = true}), Error::memory_type_not_with_fwb);
    a = good;
    a.shareability = Shareability::outer;
    EXPECT_EQ(error(a, {.lpa2 = true}), Error::shareability_fixed_by_lpa2);
    a = good;
    a.software = 16;
    EXPECT_EQ(error(a, {}), Error::software_bits_out_of_range);
}

TEST(Attributes, ReservedShareabilityActsAsOuter) {
    EXPECT_EQ(AttributeFormat{}.decode(0x100, 3).shareability, Shareability::outer);
    EXPECT_EQ(AttributeFormat{}.decode(0x000, 3).shareability, Shareability::none);
    // With LPA2 the bits are the address's, and SH comes from VTCR_EL2.
    for (unsigned bits = 0; bits < 4; ++bits) {
        const AttributeFormat format{.lpa2 = true};
        EXPECT_EQ(format.decode(bits << 8, 3).shareability, Shareability::inner);
    }
}

// What a guest's RAM usually is, as KVM writes it too.
TEST(Attributes, WholeValues) {
    const Attributes ram{.permissions = Permissions::rwx()};
    EXPECT_EQ(AttributeFormat{}.encode(ram), 0x7fcU);            // WB 1111, RW, inner, AF
    EXPECT_EQ(AttributeFormat{.fwb = true}.encode(ram), 0x7d8U); // WB 0110
    EXPECT_EQ(AttributeFormat{.lpa2 = true}.encode(ram), 0x4fcU);
    const Attributes device{.permissions = Permissions::rw(), .type = MemoryType::device_nGnRE};
    EXPECT_EQ(AttributeFormat{}.encode(device), 0x0040'0000'0000'07c4U);
}

} // namespace
