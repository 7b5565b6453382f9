// SPDX-License-Identifier: MIT
// The cases that people talk about: two levels and 1 GiB extents, misaligned slots, policies.
#include "geometries.hpp"

#include <twofold/vm/choose_mapping.hpp>

#include <gtest/gtest.h>

namespace twofold {
namespace {

using test::geometry;
using test::wide_geometry;

// Everything from `start` backed by memory at the same offset from `pa`.
constexpr MappingRequest backed(std::uint64_t fault, std::uint64_t start, std::uint64_t length,
                                std::uint64_t pa) {
    return {.fault = Ipa{fault},
            .slot = {.start = Ipa{start}, .length = length},
            .extent = {.start = Ipa{start}, .length = length},
            .extent_pa = Pa{pa}};
}

constexpr auto whole = MappingPolicy::unlimited;

TEST(ChooseMapping, TwoLevelsWithOneGigabyteExtentsUse2MiBForTheGeometry) {
    // 34 bits at 4K: 16 concatenated tables at level 2.
    constexpr auto mapping = choose_mapping(geometry(Granule::k4, 34),
                                            backed(0x4012'3456, 0x4000'0000, GiB, 0x1'c000'0000));
    static_assert(mapping.has_value());
    EXPECT_EQ(mapping->size, 2 * MiB);
    EXPECT_EQ(mapping->ipa, Ipa{0x4000'0000});
    EXPECT_EQ(mapping->pa, Pa{0x1'c000'0000});
    EXPECT_EQ(mapping->contiguous, 32 * MiB);
    EXPECT_EQ(mapping->limited_by, LimitedBy::geometry);
}

TEST(ChooseMapping, ThreeLevelsWithOneGigabyteExtentsUse1GiB) {
    const auto mapping = choose_mapping(geometry(Granule::k4, 40),
                                        backed(0x7fff'f000, 0x4000'0000, GiB, 0x1'c000'0000));
    ASSERT_TRUE(mapping);
    EXPECT_EQ(*mapping, (ChosenMapping{.ipa = Ipa{0x4000'0000},
                                       .pa = Pa{0x1'c000'0000},
                                       .size = GiB,
                                       .contiguous = GiB,
                                       .limited_by = LimitedBy::nothing}));
}

TEST(ChooseMapping, WithLpa2TheNextSizeIs512GiB) {
    const std::uint64_t half = 512 * GiB;
    const Geometry four_levels = wide_geometry(Granule::k4, 48, Prefer::fewest_root_pages);
    auto mapping = choose_mapping(four_levels, backed(half + GiB, half, half, 0));
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->size, half);
    EXPECT_EQ(mapping->limited_by, LimitedBy::nothing);

    // Three levels hold 16 of level 1: nothing to put 512 GiB into.
    const Geometry three_levels = wide_geometry(Granule::k4, 43);
    mapping = choose_mapping(three_levels, backed(half + GiB, half, half, 0));
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->size, GiB);
    EXPECT_EQ(mapping->contiguous, 16 * GiB);
    EXPECT_EQ(mapping->limited_by, LimitedBy::geometry);
}

// KVM's first drawing: memory is aligned as the slot is, head and tail are not whole blocks.
TEST(ChooseMapping, HeadAndTailOfASlotAreMappedWithPages) {
    const Geometry g = geometry(Granule::k4, 40);
    const std::uint64_t start = 0x4010'0000;
    const std::uint64_t length = 0x60'0000; // ends at 0x4070'0000
    const std::uint64_t pa = 0x8'0010'0000;
    const auto at = [&](std::uint64_t fault) {
        return choose_mapping(g, backed(fault, start, length, pa)).value();
    };

    EXPECT_EQ(at(0x4010'0000).size, 4 * KiB);
    EXPECT_EQ(at(0x4010'0000).limited_by, LimitedBy::slot_start);
    EXPECT_EQ(at(0x401f'ffff).size, 4 * KiB);
    EXPECT_EQ(at(0x401f'ffff).limited_by, LimitedBy::slot_start);
    EXPECT_EQ(at(0x4020'0000).size, 2 * MiB);
    EXPECT_EQ(at(0x4020'0000).pa, Pa{0x8'0020'0000});
    // The block of 1 GiB around it begins at 0x4000'0000.
    EXPECT_EQ(at(0x4020'0000).limited_by, LimitedBy::slot_start);
    EXPECT_EQ(at(0x405f'ffff).size, 2 * MiB);
    EXPECT_EQ(at(0x4060'0000).size, 4 * KiB);
    EXPECT_EQ(at(0x4060'0000).limited_by, LimitedBy::slot_end);
    EXPECT_EQ(at(0x4060'0000).contiguous, 64 * KiB);
    EXPECT_EQ(at(0x406f'f000).size, 4 * KiB);
}

// KVM's second drawing: memory is shifted against the slot by half a block, so no block anywhere.
TEST(ChooseMapping, AMisalignedSlotNeverHasBlocks) {
    const Geometry g = geometry(Granule::k4, 40);
    for (std::uint64_t fault = 0x4000'0000; fault < 0x4080'0000; fault += 0x1'0000) {
        const auto mapping =
            choose_mapping(g, backed(fault, 0x4000'0000, 0x80'0000, 0x8'0010'0000)).value();
        EXPECT_EQ(mapping.size, 4 * KiB);
        EXPECT_EQ(mapping.limited_by, LimitedBy::misalignment);
        EXPECT_EQ(mapping.pa.value - 0x8'0010'0000, mapping.ipa.value - 0x4000'0000);
        EXPECT_EQ(mapping.contiguous, 64 * KiB);
    }
}

TEST(ChooseMapping, ExtentsBoundWhatIsMapped) {
    const Geometry g = geometry(Granule::k4, 40);
    MappingRequest request = backed(0x4030'0000, 0x4000'0000, GiB, 0);
    request.extent = {.start = Ipa{0x4020'0000}, .length = 2 * MiB};
    request.extent_pa = Pa{0xc000'0000 + 0x20'0000};
    auto mapping = choose_mapping(g, request).value();
    EXPECT_EQ(mapping.size, 2 * MiB);
    EXPECT_EQ(mapping.limited_by, LimitedBy::extent_start);
    EXPECT_EQ(mapping.contiguous, 2 * MiB);

    request.extent = {.start = Ipa{0x4000'0000}, .length = 4 * MiB};
    request.extent_pa = Pa{0xc000'0000};
    mapping = choose_mapping(g, request).value();
    EXPECT_EQ(mapping.size, 2 * MiB);
    EXPECT_EQ(mapping.limited_by, LimitedBy::extent_end);

    // One byte short of the second block.
    request.extent.length = 4 * MiB - 1;
    mapping = choose_mapping(g, request).value();
    EXPECT_EQ(mapping.size, 4 * KiB);
    EXPECT_EQ(mapping.limited_by, LimitedBy::extent_end);
}

// One run of memory of 1 GiB, of which the part [0x4030'0000, 0x4080'0000) is like the fault.
TEST(ChooseMapping, BlocksEndWhereAttributesChange) {
    const Geometry g = geometry(Granule::k4, 40);
    MappingRequest request = backed(0x4040'0000, 0x4000'0000, GiB, 0x8'0000'0000);
    request.attributes = {.start = Ipa{0x4030'0000}, .length = 5 * MiB};
    const auto at = [&](std::uint64_t fault) {
        request.fault = Ipa{fault};
        return choose_mapping(g, request).value();
    };
    EXPECT_EQ(at(0x4040'0000), (ChosenMapping{.ipa = Ipa{0x4040'0000},
                                              .pa = Pa{0x8'0040'0000},
                                              .size = 2 * MiB,
                                              .contiguous = 2 * MiB,
                                              .limited_by = LimitedBy::attributes}));
    EXPECT_EQ(at(0x407f'ffff).size, 2 * MiB);
    // The block of 2 MiB around it begins at 0x4020'0000.
    EXPECT_EQ(at(0x4030'0000), (ChosenMapping{.ipa = Ipa{0x4030'0000},
                                              .pa = Pa{0x8'0030'0000},
                                              .size = 4 * KiB,
                                              .contiguous = 64 * KiB,
                                              .limited_by = LimitedBy::attributes}));
    // A run of pages ends there, too.
    request.attributes = {.start = Ipa{0x4030'1000}, .length = 60 * KiB};
    EXPECT_EQ(at(0x4030'f000).contiguous, 4 * KiB);

    // All of the extent, said in two ways, and more than the extent.
    for (const IpaSpan same : {IpaSpan{}, request.extent, IpaSpan{Ipa{0}, TiB}}) {
        request.attributes = same;
        EXPECT_EQ(at(0x4040'0000).size, GiB);
        EXPECT_EQ(at(0x4040'0000).limited_by, LimitedBy::nothing);
    }
}

TEST(ChooseMapping, PolicyStopsBlocksButNeverPages) {
    const Geometry g = geometry(Granule::k4, 40);
    MappingRequest request = backed(0x4000'0000, 0x4000'0000, GiB, 0x4000'0000);
    const auto with = [&](const MappingPolicy& policy) {
        request.policy = policy;
        return choose_mapping(g, request).value();
    };
    struct Case {
        MappingPolicy policy = {};
        std::uint64_t size = 0;
        std::uint64_t contiguous = 0;
        LimitedBy reason = LimitedBy::nothing;
    };
    const Case cases[] = {
        {{}, GiB, GiB, LimitedBy::nothing},
        {{.dirty_logging = true}, 4 * KiB, 4 * KiB, LimitedBy::dirty_logging},
        {{.device = 4 * KiB}, 4 * KiB, 4 * KiB, LimitedBy::device},
        {{.cap = 2 * MiB}, 2 * MiB, 2 * MiB, LimitedBy::cap},
        {{.cap = GiB - 1}, 2 * MiB, 32 * MiB, LimitedBy::cap},
        {{.cap = 0}, 4 * KiB, 4 * KiB, LimitedBy::cap},
        {{.cap = GiB}, GiB, GiB, LimitedBy::nothing},
        {{.nested_stage2 = 64 * KiB}, 4 * KiB, 64 * KiB, LimitedBy::nested_stage2},
        {{.other_mappings = 2 * MiB}, 2 * MiB, 2 * MiB, LimitedBy::other_mappings},
        {{.cap = whole, .nested_stage2 = 2 * MiB, .other_mappings = 4 * KiB},
         4 * KiB,
         4 * KiB,
         LimitedBy::other_mappings},
        // Of several that stop one size, the first in order is named.
        {{.dirty_logging = true, .device = 4 * KiB, .cap = 4 * KiB},
         4 * KiB,
         4 * KiB,
         LimitedBy::dirty_logging},
        {{.device = 2 * MiB, .cap = 2 * MiB}, 2 * MiB, 2 * MiB, LimitedBy::device},
    };
    for (const Case& c : cases) {
        const ChosenMapping mapping = with(c.policy);
        EXPECT_EQ(mapping.size, c.size) << to_string(c.reason);
        EXPECT_EQ(mapping.contiguous, c.contiguous) << to_string(c.reason);
        EXPECT_EQ(mapping.limited_by, c.reason);
    }
}

TEST(ChooseMapping, WhereNoPageFitsTheReasonIsTheAnswer) {
    const Geometry g = geometry(Granule::k64, 40);
    const MappingRequest good = backed(0x4000'0000, 0x4000'0000, GiB, 0);
    ASSERT_TRUE(choose_mapping(g, good));

    MappingRequest request = good;
    request.extent.length = 4 * KiB; // a 4K page of its owner cannot back 64K of the guest
    EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::extent_end);
    request = good;
    request.extent_pa = Pa{4 * KiB};
    EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::misalignment);
    request = good;
    request.fault = Ipa{0x3fff'ffff};
    EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::slot_start);
    request.fault = Ipa{0x8000'0000};
    EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::slot_end);
    request.fault = Ipa{TiB};
    EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::geometry);
    request = good;
    request.extent.start = Ipa{0x5000'0000};
    EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::extent_start);
    // What is said of attributes holds for less than the page, or for another place.
    request = good;
    for (const IpaSpan same : {IpaSpan{Ipa{0x4000'0000}, 4 * KiB}, IpaSpan{Ipa{0x4000'1000}, GiB},
                               IpaSpan{Ipa{0x3fff'0000}, 64 * KiB}}) {
        request.attributes = same;
        EXPECT_EQ(choose_mapping(g, request).error(), LimitedBy::attributes);
    }
}

TEST(SizeLimits, EverySizeHasItsReasonAndTheValuesThatDisagree) {
    const MappingRequest request = backed(0x4010'0000, 0x4010'0000, 0x60'0000, 0x8'0010'0000);
    const SizeLimits limits{geometry(Granule::k4, 34), request};
    ASSERT_EQ(limits.size(), 3U);
    EXPECT_EQ(limits[0], (SizeLimit{.size = 4 * KiB}));
    EXPECT_EQ(limits[1], (SizeLimit{2 * MiB, LimitedBy::slot_start, 0x4000'0000, 0x4010'0000}));
    EXPECT_EQ(limits[2], (SizeLimit{GiB, LimitedBy::geometry, GiB, 2 * MiB}));

    MappingRequest shifted = backed(0x4020'0000, 0x4000'0000, GiB, 0x8'0010'0000);
    const SizeLimits crooked{wide_geometry(Granule::k4, 48, Prefer::fewest_root_pages), shifted};
    ASSERT_EQ(crooked.size(), 4U);
    EXPECT_EQ(crooked[1], (SizeLimit{2 * MiB, LimitedBy::misalignment, 0, 0x10'0000}));
    EXPECT_EQ(crooked[2], (SizeLimit{GiB, LimitedBy::misalignment, 0, 0x10'0000}));
    EXPECT_EQ(crooked[3], (SizeLimit{512 * GiB, LimitedBy::slot_start, 0, 0x4000'0000}));

    shifted.extent_pa = Pa{0};
    shifted.extent.length = 4 * MiB + 5;
    shifted.policy.cap = 64 * KiB;
    const SizeLimits capped{geometry(Granule::k4, 40), shifted};
    EXPECT_EQ(capped[1], (SizeLimit{2 * MiB, LimitedBy::cap, 2 * MiB, 64 * KiB}));
    EXPECT_EQ(capped[2],
              (SizeLimit{GiB, LimitedBy::extent_end, 0x8000'0000, 0x4000'0000 + 4 * MiB + 5}));
}

// Fault at 0x4020'0000 of 1 GiB, all of one kind from 0x4010'0000 to 0x4050'0000.
TEST(SizeLimits, AttributesStandBehindTheExtentAndBeforeThePolicy) {
    MappingRequest request = backed(0x4020'0000, 0x4000'0000, GiB, 0x8'0000'0000);
    request.attributes = {.start = Ipa{0x4010'0000}, .length = 4 * MiB};
    request.policy.dirty_logging = true;
    const Geometry g = geometry(Granule::k4, 40);
    const SizeLimits limits{g, request};
    EXPECT_EQ(limits[0], (SizeLimit{.size = 4 * KiB}));
    EXPECT_EQ(limits[1], (SizeLimit{2 * MiB, LimitedBy::dirty_logging, 2 * MiB, 4 * KiB}));
    EXPECT_EQ(limits[2], (SizeLimit{GiB, LimitedBy::attributes, 0x4000'0000, 0x4010'0000}));

    request.fault = Ipa{0x4040'0000};
    EXPECT_EQ(SizeLimits(g, request)[1],
              (SizeLimit{2 * MiB, LimitedBy::attributes, 0x4060'0000, 0x4050'0000}));
    request.extent.length = 5 * MiB;
    EXPECT_EQ(SizeLimits(g, request)[1],
              (SizeLimit{2 * MiB, LimitedBy::extent_end, 0x4060'0000, 0x4050'0000}));
}

TEST(LimitedBy, EveryReasonHasItsOwnName) {
    for (std::size_t i = 0; i < limited_by_count; ++i) {
        EXPECT_NE(to_string(static_cast<LimitedBy>(i)), "unknown");
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_NE(to_string(static_cast<LimitedBy>(i)), to_string(static_cast<LimitedBy>(j)));
        }
    }
    EXPECT_EQ(to_string(static_cast<LimitedBy>(limited_by_count)), "unknown");
}

} // namespace
} // namespace twofold
