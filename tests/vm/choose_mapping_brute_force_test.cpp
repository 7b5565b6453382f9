// SPDX-License-Identifier: MIT
// choose_mapping against its conditions, tried one by one for every size. What the geometry
// can map is taken from the manual's tables by hand, not from Geometry.
#include "geometries.hpp"

#include <twofold/vm/choose_mapping.hpp>

#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <vector>

namespace twofold {
namespace {

using test::geometry;

constexpr std::uint64_t page_of(Granule granule) {
    return granule == Granule::k4 ? 4096 : granule == Granule::k16 ? 16384 : 65536;
}

// The leaf sizes of a granule with 48-bit addresses, pages first.
std::vector<std::uint64_t> leaf_sizes(Granule granule) {
    switch (granule) {
    case Granule::k4:
        return {4096, 2 << 20, 1 << 30};
    case Granule::k16:
        return {16384, 32 << 20};
    case Granule::k64:
        return {65536, 512 << 20};
    }
    return {};
}

// The largest leaf for an input size, by start level: 4K has level 3 for 16..25 bits, 2 for 22..34,
// 1 for 31..43; 16K has 3 for 16..29, 2 for 26..40; 64K has 3 for 17..33, 2 for 30..46.
std::uint64_t largest_leaf(Granule granule, unsigned ipa_bits, Prefer prefer) {
    const bool tall = prefer == Prefer::fewest_root_pages;
    switch (granule) {
    case Granule::k4:
        if (ipa_bits >= 31 && tall) {
            return 1 << 30;
        }
        return ipa_bits >= (tall ? 22U : 26U) ? 2 << 20 : 4096;
    case Granule::k16:
        return ipa_bits >= (tall ? 26U : 30U) ? 32 << 20 : 16384;
    case Granule::k64:
        return ipa_bits >= (tall ? 30U : 34U) ? 512 << 20 : 65536;
    }
    return 0;
}

// Entries in a contiguous run of leaves of this size.
std::uint64_t run_entries(Granule granule, std::uint64_t size) {
    switch (granule) {
    case Granule::k4:
        return 16;
    case Granule::k16:
        return size == 16384 ? 128 : 32;
    case Granule::k64:
        return 32;
    }
    return 1;
}

enum class Verdict { fits, geometry, slot, alignment, extent, attributes, policy };

// Every condition but the geometry's for the aligned block of `size` bytes; by remainders and ends,
// in plain numbers.
Verdict try_block(const MappingRequest& r, std::uint64_t page, std::uint64_t size) {
    const std::uint64_t low = r.fault.value / size * size;
    const std::uint64_t high = low + size;
    const std::uint64_t slot_end = r.slot.start.value + r.slot.length;
    if (low < r.slot.start.value || high > slot_end) {
        return Verdict::slot;
    }
    // The PA of the byte at `low`, if the extent went on for ever, must be a multiple of the size.
    const std::uint64_t pa = r.extent_pa.value + (low - r.extent.start.value);
    if (pa % size != 0) {
        return Verdict::alignment;
    }
    const std::uint64_t extent_end = r.extent.start.value + r.extent.length;
    if (low < r.extent.start.value || high > extent_end) {
        return Verdict::extent;
    }
    const std::uint64_t same_end = r.attributes.start.value + r.attributes.length;
    if (r.attributes.length != 0 && (low < r.attributes.start.value || high > same_end)) {
        return Verdict::attributes;
    }
    if (size > page && (r.policy.dirty_logging || size > r.policy.cap)) {
        return Verdict::policy;
    }
    return Verdict::fits;
}

Verdict verdict_of(LimitedBy reason) {
    switch (reason) {
    case LimitedBy::nothing:
        return Verdict::fits;
    case LimitedBy::geometry:
        return Verdict::geometry;
    case LimitedBy::slot_start:
    case LimitedBy::slot_end:
        return Verdict::slot;
    case LimitedBy::misalignment:
        return Verdict::alignment;
    case LimitedBy::extent_start:
    case LimitedBy::extent_end:
        return Verdict::extent;
    case LimitedBy::attributes:
        return Verdict::attributes;
    default:
        return Verdict::policy;
    }
}

struct Shape {
    Granule granule;
    unsigned ipa_bits;
    Prefer prefer;
};

class BruteForce : public ::testing::TestWithParam<Shape> {
protected:
    void check(const MappingRequest& request) const {
        const auto [granule, ipa_bits, prefer] = GetParam();
        const std::uint64_t page = page_of(granule);
        const auto chosen = choose_mapping(shape, request);

        std::uint64_t expected = 0;
        Verdict why = Verdict::fits;
        for (const std::uint64_t size : leaf_sizes(granule)) {
            const Verdict verdict = size > largest_leaf(granule, ipa_bits, prefer)
                                        ? Verdict::geometry
                                        : try_block(request, page, size);
            if (verdict == Verdict::fits) {
                // A larger size must not fit where a smaller one does not.
                ASSERT_EQ(why, Verdict::fits);
                expected = size;
            } else if (why == Verdict::fits) {
                why = verdict;
            }
        }

        if (expected == 0) {
            ASSERT_FALSE(chosen);
            ASSERT_EQ(verdict_of(chosen.error()), why);
            return;
        }
        ASSERT_TRUE(chosen);
        ASSERT_EQ(chosen->size, expected);
        ASSERT_EQ(verdict_of(chosen->limited_by), why);
        ASSERT_EQ(chosen->ipa.value, request.fault.value / expected * expected);
        ASSERT_EQ(chosen->pa.value % expected, 0U);
        ASSERT_EQ(chosen->pa.value - request.extent_pa.value,
                  chosen->ipa.value - request.extent.start.value);

        const std::uint64_t run = run_entries(granule, expected) * expected;
        const bool joins =
            run <= (std::uint64_t{1} << ipa_bits) && try_block(request, page, run) == Verdict::fits;
        ASSERT_EQ(chosen->contiguous, joins ? run : expected);
    }

    // At and beside the first multiples of every leaf size, and the ends of the table.
    static std::vector<std::uint64_t> edges_of_sizes() {
        const auto [granule, ipa_bits, prefer] = GetParam();
        const std::uint64_t limit = std::uint64_t{1} << ipa_bits;
        const std::uint64_t page = page_of(granule);
        std::vector<std::uint64_t> edges{0, page, limit - page, limit};
        for (const std::uint64_t size : leaf_sizes(granule)) {
            for (const std::uint64_t n : {1U, 2U}) {
                for (const std::uint64_t edge : {n * size - page, n * size, n * size + page}) {
                    if (edge < limit) {
                        edges.push_back(edge);
                    }
                }
            }
        }
        return edges;
    }
    static std::vector<std::uint64_t> last_bytes_before(const std::vector<std::uint64_t>& edges) {
        std::vector<std::uint64_t> bytes;
        for (const std::uint64_t edge : edges) {
            if (edge != 0) {
                bytes.push_back(edge - 1);
            }
        }
        return bytes;
    }

    Geometry shape = geometry(GetParam().granule, GetParam().ipa_bits, GetParam().prefer);
};

// Edges at and beside every multiple that matters, crossed with each other.
TEST_P(BruteForce, EveryEdgeAgainstEverySize) {
    const auto [granule, ipa_bits, prefer] = GetParam();
    const std::uint64_t limit = std::uint64_t{1} << ipa_bits;
    const std::uint64_t page = page_of(granule);
    const std::uint64_t block = leaf_sizes(granule)[1];
    const auto edges = edges_of_sizes();
    for (const std::uint64_t fault : last_bytes_before(edges)) {
        for (const std::uint64_t start : edges) {
            for (const std::uint64_t end : edges) {
                if (start > fault || end <= fault) {
                    continue;
                }
                for (const std::uint64_t extent : edges) {
                    if (extent > fault || extent < start) {
                        continue;
                    }
                    for (const std::uint64_t shift : {std::uint64_t{0}, page, block, block / 2}) {
                        MappingRequest request{
                            .fault = Ipa{fault},
                            .slot = {.start = Ipa{start}, .length = end - start},
                            .extent = {.start = Ipa{extent}, .length = limit - extent},
                            .extent_pa = Pa{(std::uint64_t{1} << 40) + extent + shift}};
                        check(request);
                        request.extent.length = fault / block * block + block - extent;
                        check(request);
                        request.extent.length = fault / page * page + page - extent;
                        check(request);
                        if (HasFatalFailure()) {
                            return;
                        }
                    }
                }
            }
        }
    }
}

// The same for the part with one set of attributes, in extents that are larger, smaller or cut.
TEST_P(BruteForce, EveryPartOfTheSameAttributesAgainstEverySize) {
    const std::uint64_t limit = std::uint64_t{1} << GetParam().ipa_bits;
    const std::uint64_t block = leaf_sizes(GetParam().granule)[1];
    const auto edges = edges_of_sizes();
    for (const std::uint64_t fault : last_bytes_before(edges)) {
        for (const std::uint64_t start : edges) {
            for (const std::uint64_t end : edges) {
                if (start > fault || end <= fault) {
                    continue;
                }
                for (const std::uint64_t extent : edges) {
                    if (extent > fault) {
                        continue;
                    }
                    MappingRequest request{
                        .fault = Ipa{fault},
                        .slot = {.start = Ipa{0}, .length = limit},
                        .extent = {.start = Ipa{extent}, .length = limit - extent},
                        .extent_pa = Pa{(std::uint64_t{1} << 40) + extent},
                        .attributes = {.start = Ipa{start}, .length = end - start}};
                    check(request);
                    request.extent.length = fault / block * block + block - extent;
                    check(request);
                    if (HasFatalFailure()) {
                        return;
                    }
                }
            }
        }
    }
}

TEST_P(BruteForce, RandomRequests) {
    const auto [granule, ipa_bits, prefer] = GetParam();
    const unsigned bits = ipa_bits;
    std::mt19937_64 random{ipa_bits * 3 + static_cast<unsigned>(granule)};
    const std::uint64_t limit = std::uint64_t{1} << ipa_bits;
    const std::uint64_t page = page_of(granule);
    // Numbers with a random count of low zeros, so that large sizes fit often enough.
    const auto number = [&](std::uint64_t below) {
        const auto zeros = static_cast<unsigned>(random() % bits);
        return (random() % below) >> zeros << zeros;
    };
    unsigned blocks = 0;
    for (unsigned i = 0; i < 20'000; ++i) {
        MappingRequest request{.fault = Ipa{random() % limit}};
        const std::uint64_t fault = request.fault.value;
        request.slot.start = Ipa{align_down(number(fault + 1), page)};
        request.slot.length =
            align_up(fault + 1 + number(limit - fault), page) - request.slot.start.value;
        // Extents need not be aligned to anything.
        request.extent.start =
            Ipa{request.slot.start.value + number(fault - request.slot.start.value + 1)};
        request.extent.length = fault + 1 + number(limit - fault) - request.extent.start.value;
        request.extent_pa = Pa{number(std::uint64_t{1} << 44)};
        if (random() % 4 != 0) {
            request.extent_pa = Pa{(std::uint64_t{1} << 40) + request.extent.start.value};
        }
        if (random() % 3 == 0) {
            request.attributes.start = Ipa{number(fault + 1)};
            request.attributes.length =
                fault + 1 + number(limit - fault) - request.attributes.start.value;
        }
        request.policy.dirty_logging = random() % 16 == 0;
        if (random() % 4 == 0) {
            request.policy.cap = std::uint64_t{1} << (random() % 34);
        }
        check(request);
        if (HasFatalFailure()) {
            return;
        }
        const auto chosen = choose_mapping(shape, request);
        blocks += chosen && chosen->size > page ? 1 : 0;
    }
    if (largest_leaf(granule, ipa_bits, prefer) > page) {
        EXPECT_GT(blocks, 10U);
    } else {
        EXPECT_EQ(blocks, 0U);
    }
}

std::vector<Shape> shapes() {
    std::vector<Shape> all;
    for (const Granule granule : all_granules) {
        for (unsigned bits = 22; bits <= 34; ++bits) {
            all.push_back({granule, bits, Prefer::fewest_levels});
            all.push_back({granule, bits, Prefer::fewest_root_pages});
        }
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(SmallGeometries, BruteForce, ::testing::ValuesIn(shapes()),
                         [](const ::testing::TestParamInfo<Shape>& parameter) {
                             return std::to_string(page_of(parameter.param.granule) / 1024) + "K_" +
                                    std::to_string(parameter.param.ipa_bits) + "_bits_" +
                                    (parameter.param.prefer == Prefer::fewest_levels ? "flat"
                                                                                     : "tall");
                         });

// The size is found another way than the reasons are: rule by rule, for every size (SizeLimits).
// Both have to say the same, also of requests that no guest can make: ranges that wrap around or
// are empty, and limits below a page.
TEST(BruteForceOfReasons, TheChoiceIsTheLargestSizeWithoutOne) {
    std::mt19937_64 random{2026};
    const Geometry shapes[] = {geometry(Granule::k4, 34), geometry(Granule::k4, 40),
                               geometry(Granule::k16, 40), geometry(Granule::k64, 42),
                               geometry(Granule::k4, 48, Prefer::fewest_root_pages)};
    std::uint64_t chosen = 0;
    for (unsigned i = 0; i < 400'000; ++i) {
        const Geometry& shape = shapes[i % std::size(shapes)];
        // Near zero, one of the sizes, the end of the table and 2^64; often on a boundary.
        const auto place = [&] {
            constexpr std::uint64_t bases[] = {0, 1 << 21, 1 << 30, 1U << 31,
                                               std::uint64_t{1} << 40};
            const std::uint64_t base = random() % 16 == 0 ? ~std::uint64_t{0} << (random() % 32)
                                                          : bases[random() % std::size(bases)];
            const std::uint64_t bits = 12 + random() % 20;
            return base + (random() & ((std::uint64_t{1} << bits) - 1) &
                           ~std::uint64_t{0} << (random() % 24));
        };
        const auto length = [&] {
            return random() % 8 == 0 ? random() % 3 - 1 : std::uint64_t{1} << (10 + random() % 24);
        };
        const std::uint64_t fault = place();
        const auto around = [&] {
            const std::uint64_t before = length();
            return IpaSpan{Ipa{fault - before}, before + length()};
        };
        MappingRequest r{.fault = Ipa{fault}, .slot = around(), .extent = around()};
        r.extent_pa = Pa{r.extent.start.value + (random() % 4 == 0 ? place() : 0)};
        if (random() % 2 == 0) {
            r.attributes = around();
        }
        r.policy = {.dirty_logging = random() % 8 == 0,
                    .device = random() % 4 == 0 ? length() : MappingPolicy::unlimited,
                    .cap = random() % 4 == 0 ? length() : MappingPolicy::unlimited,
                    .nested_stage2 = random() % 4 == 0 ? length() : MappingPolicy::unlimited,
                    .other_mappings = random() % 4 == 0 ? length() : MappingPolicy::unlimited};
        const SizeLimits limits{shape, r};
        std::size_t possible = 0;
        while (possible < limits.size() && limits[possible].reason == LimitedBy::nothing) {
            ++possible;
        }
        const auto mapping = choose_mapping(shape, r);
        ASSERT_EQ(mapping.has_value(), possible != 0) << i;
        if (!mapping) {
            ASSERT_EQ(mapping.error(), limits[0].reason) << i;
            continue;
        }
        ++chosen;
        ASSERT_EQ(mapping->size, limits[possible - 1].size) << i;
        ASSERT_EQ(mapping->limited_by,
                  possible < limits.size() ? limits[possible].reason : LimitedBy::nothing)
            << i;
    }
    EXPECT_GT(chosen, 50'000U);
}

} // namespace
} // namespace twofold
