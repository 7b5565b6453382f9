// SPDX-License-Identifier: MIT
// ID registers as a guest reads them. Field positions are the Arm manual's (D23.2).
#include "guest/id_registers.hpp"

#include <gtest/gtest.h>

namespace twofold::hyp {
namespace {

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

std::uint64_t field(std::uint64_t value, unsigned low) { return (value >> low) & 0xf; }

TEST(IdRegisters, Pfr0HidesWhatIsNotVirtualised) {
    // ID_AA64PFR0_EL1 = S3_0_C0_C4_0
    const std::uint64_t v = guest_id_register(4, 0, 0x1201'1111'2311'2222, 40);
    EXPECT_EQ(field(v, 0), 2U);  // EL0 in AArch32 too
    EXPECT_EQ(field(v, 4), 1U);  // EL1 in AArch64 only
    EXPECT_EQ(field(v, 8), 0U);  // EL2
    EXPECT_EQ(field(v, 12), 0U); // EL3
    EXPECT_EQ(field(v, 16), 1U); // FP
    EXPECT_EQ(field(v, 20), 1U); // AdvSIMD
    EXPECT_EQ(field(v, 24), 1U); // GICv3
    EXPECT_EQ(field(v, 28), 0U); // RAS
    EXPECT_EQ(field(v, 32), 0U); // SVE
    EXPECT_EQ(field(v, 40), 0U); // MPAM
    EXPECT_EQ(field(v, 44), 0U); // AMU
    EXPECT_EQ(field(v, 56), 1U); // CSV2 2 has registers: 1
    EXPECT_EQ(field(v, 60), 1U); // CSV3
}

TEST(IdRegisters, AbsentFloatingPointStaysAbsent) {
    EXPECT_EQ(field(guest_id_register(4, 0, 0xff'0000, 40), 16), 0xfU);
}

TEST(IdRegisters, GicFieldSaysVersion3) {
    EXPECT_EQ(field(guest_id_register(4, 0, 0x0300'0000, 40), 24), 1U);
    EXPECT_EQ(field(guest_id_register(4, 0, 0, 40), 24), 0U);
}

TEST(IdRegisters, Pfr1HidesTaggingAndMatrices) {
    EXPECT_EQ(guest_id_register(4, 1, all_ones, 40), 0xffU); // BT, SSBS
}

TEST(IdRegisters, VectorExtensionRegistersReadAsZero) {
    EXPECT_EQ(guest_id_register(4, 4, all_ones, 40), 0U); // ID_AA64ZFR0_EL1
    EXPECT_EQ(guest_id_register(4, 5, all_ones, 40), 0U); // ID_AA64SMFR0_EL1
}

TEST(IdRegisters, DebugShowsNeitherMonitorsNorTrace) {
    const std::uint64_t v = guest_id_register(5, 0, all_ones, 40);
    EXPECT_EQ(field(v, 4), 0U);  // TraceVer
    EXPECT_EQ(field(v, 8), 0U);  // PMUVer
    EXPECT_EQ(field(v, 32), 0U); // PMSVer
    EXPECT_EQ(field(v, 0), 0xfU);
    EXPECT_EQ(field(v, 12), 0xfU); // BRPs
    EXPECT_EQ(field(v, 20), 0xfU); // WRPs
}

TEST(IdRegisters, Isar0HidesTransactions) {
    const std::uint64_t v = guest_id_register(6, 0, all_ones, 40);
    EXPECT_EQ(field(v, 24), 0U);   // TME
    EXPECT_EQ(field(v, 20), 0xfU); // Atomic
    EXPECT_EQ(field(v, 28), 0xfU); // RDM
}

TEST(IdRegisters, Isar1HidesWhatNeedsHcrx) {
    const std::uint64_t v = guest_id_register(6, 1, all_ones, 40);
    EXPECT_EQ(field(v, 56), 0U);  // XS
    EXPECT_EQ(field(v, 60), 0U);  // LS64
    EXPECT_EQ(field(v, 4), 0xfU); // APA
}

TEST(IdRegisters, PaRangeCoversTheGuestsAddressesAndNoMore) {
    EXPECT_EQ(field(guest_id_register(7, 0, 6, 40), 0), 2U); // 40 bits
    EXPECT_EQ(field(guest_id_register(7, 0, 6, 33), 0), 1U); // 36
    EXPECT_EQ(field(guest_id_register(7, 0, 6, 32), 0), 0U);
    EXPECT_EQ(field(guest_id_register(7, 0, 6, 52), 0), 6U);
    EXPECT_EQ(field(guest_id_register(7, 0, 4, 48), 0), 4U); // the CPU has 44
}

TEST(IdRegisters, MemoryModelHidesStage2) {
    const std::uint64_t mmfr0 = guest_id_register(7, 0, all_ones, 40);
    EXPECT_EQ(field(mmfr0, 28), 0xfU); // TGran4
    EXPECT_EQ(field(mmfr0, 32), 0U);   // TGran16_2
    EXPECT_EQ(field(mmfr0, 36), 0U);   // TGran64_2
    EXPECT_EQ(field(mmfr0, 40), 0U);   // TGran4_2
    EXPECT_EQ(field(mmfr0, 56), 0U);   // FGT
    EXPECT_EQ(field(mmfr0, 60), 0U);   // ECV
    const std::uint64_t mmfr1 = guest_id_register(7, 1, all_ones, 40);
    EXPECT_EQ(field(mmfr1, 0), 0xfU);  // HAFDBS
    EXPECT_EQ(field(mmfr1, 4), 0U);    // VMIDBits
    EXPECT_EQ(field(mmfr1, 32), 0U);   // TWED
    EXPECT_EQ(field(mmfr1, 40), 0U);   // HCX
    EXPECT_EQ(field(mmfr1, 8), 0U);    // VH
    EXPECT_EQ(field(mmfr1, 28), 0U);   // XNX
    EXPECT_EQ(field(mmfr1, 20), 0xfU); // PAN
    const std::uint64_t mmfr2 = guest_id_register(7, 2, all_ones, 40);
    EXPECT_EQ(field(mmfr2, 24), 0U); // NV
    EXPECT_EQ(field(mmfr2, 40), 0U); // FWB
    EXPECT_EQ(field(mmfr2, 56), 0U); // EVT
}

TEST(IdRegisters, UnknownRegistersReadAsZero) {
    EXPECT_EQ(guest_id_register(7, 7, all_ones, 40), 0U);
    EXPECT_EQ(guest_id_register(3, 7, all_ones, 40), 0U);
}

} // namespace
} // namespace twofold::hyp
