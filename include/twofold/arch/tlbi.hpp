// SPDX-License-Identifier: MIT
// TLBI operands: the register of TLBI IPAS2(L)E1 (by IPA) and TLBI RIPAS2(L)E1 (by range).
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/field.hpp>
#include <twofold/arch/granule.hpp>

#include <cstdint>
#include <expected>
#include <optional>

namespace twofold {

// TTL, the level hint: [3:2] the granule, [1:0] the level; 0 is "no hint". Which levels have one:
// 4K 1..3 and 0 with LPA2; 16K 2..3 and 1 with LPA2; 64K 1..3. Never -1.
constexpr std::expected<std::uint64_t, Error> ttl_of(Granule granule, Level level, bool lpa2) {
    const bool has_hint = granule == Granule::k4    ? level >= (lpa2 ? 0 : 1)
                          : granule == Granule::k16 ? level >= (lpa2 ? 1 : 2)
                                                    : level >= 1;
    if (!has_hint || level > page_level) {
        return std::unexpected(Error::ttl_level_not_encodable);
    }
    const std::uint64_t tg = granule == Granule::k4 ? 0b01 : granule == Granule::k16 ? 0b10 : 0b11;
    return (tg << 2) | static_cast<std::uint64_t>(level);
}

// TLBI IPAS2E1(IS|OS), IPAS2LE1(IS|OS): AArch64.TLBI_IPAS2
struct TlbiByIpa {
    std::uint64_t value = 0;

    using ns = Field<63>;
    using ttl = Field<47, 44>;
    using ipa_51_12 = Field<39, 0>; // in 4 KiB units with every granule

    // `ipa`: any address in the entry. Without a level, or where it cannot be hinted, entries of
    // every level go.
    static constexpr TlbiByIpa make(Granule granule, bool lpa2, Ipa ipa,
                                    std::optional<Level> level) {
        std::uint64_t hint = 0;
        if (level) {
            hint = ttl_of(granule, *level, lpa2).value_or(0);
        }
        return {ttl::of(hint) | ipa_51_12::of(ipa.value >> 12)};
    }
    constexpr Ipa ipa() const { return Ipa{ipa_51_12::get(value) << 12}; }
};

// TLBI RIPAS2E1(IS|OS), RIPAS2LE1(IS|OS): AArch64.TLBI_RIPAS2, TLBIRange
struct TlbiByRange {
    std::uint64_t value = 0;

    using ns = Field<63>;
    using tg = Field<47, 46>;
    using scale = Field<45, 44>;
    using num = Field<43, 39>;
    using ttl = Field<38, 37>; // 0: any level
    using base_addr = Field<36, 0>;

    // Granules that SCALE and NUM stand for.
    static constexpr std::uint64_t pages(std::uint64_t scale, std::uint64_t num) {
        return (num + 1) << (5 * scale + 1);
    }
    static constexpr std::uint64_t max_pages = std::uint64_t{32} << 16; // SCALE 3, NUM 31

    // What BaseADDR counts in: the granule, or 64 KiB with LPA2.
    static constexpr std::uint64_t base_unit(Granule granule, bool lpa2) {
        return lpa2 ? 64 * KiB : granule_bytes(granule);
    }

    // The operation that covers exactly `count` granules from `base`. `level`: all entries in the
    // range are of this level, and `base` is aligned to it; the behaviour would be UNPREDICTABLE
    // otherwise.
    static constexpr std::expected<TlbiByRange, Error>
    make(Granule granule, bool lpa2, Ipa base, std::uint64_t count, std::optional<Level> level) {
        if (!base.is_aligned(base_unit(granule, lpa2))) {
            return std::unexpected(Error::tlbi_base_misaligned);
        }
        std::uint64_t hint = 0;
        // Level 0 would be "any level" here.
        if (level && *level > 0 && ttl_of(granule, *level, lpa2)) {
            if (!base.is_aligned(std::uint64_t{1} << level_shift(granule, *level))) {
                return std::unexpected(Error::tlbi_base_misaligned);
            }
            hint = static_cast<std::uint64_t>(*level);
        }
        for (std::uint64_t s = 0; s < 4; ++s) {
            for (std::uint64_t n = 0; n < 32; ++n) {
                if (pages(s, n) == count) {
                    return encode(granule, lpa2, base, s, n, hint);
                }
            }
        }
        return std::unexpected(Error::tlbi_pages_out_of_range);
    }

    // The most granules, not more than `count`, that one operation can cover; 0 if `count` < 2.
    // Repeated from the largest scale down, the bases stay aligned to 64 KiB as LPA2 needs.
    static constexpr std::uint64_t largest_pages(std::uint64_t count) {
        for (unsigned s = 4; s-- > 0;) {
            const std::uint64_t units = count >> (5 * s + 1);
            if (units != 0) {
                return pages(s, (units < 32 ? units : 32) - 1);
            }
        }
        return 0;
    }

    constexpr Ipa base(Granule granule, bool lpa2) const {
        return Ipa{base_addr::get(value) * base_unit(granule, lpa2)};
    }
    constexpr std::uint64_t count() const { return pages(scale::get(value), num::get(value)); }

private:
    static constexpr TlbiByRange encode(Granule granule, bool lpa2, Ipa base, std::uint64_t s,
                                        std::uint64_t n, std::uint64_t hint) {
        const std::uint64_t tg_code = granule == Granule::k4    ? 0b01
                                      : granule == Granule::k16 ? 0b10
                                                                : 0b11;
        return {tg::of(tg_code) | scale::of(s) | num::of(n) | ttl::of(hint) |
                base_addr::of(base.value / base_unit(granule, lpa2))};
    }
};

} // namespace twofold
