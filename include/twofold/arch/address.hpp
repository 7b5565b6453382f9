// SPDX-License-Identifier: MIT
// Ipa and Pa: intermediate physical and physical addresses, in bytes. They do not mix with each
// other, with host pointers or with plain numbers; a difference of two is a number of bytes.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

namespace twofold {

inline constexpr std::uint64_t KiB = std::uint64_t{1} << 10;
inline constexpr std::uint64_t MiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t GiB = std::uint64_t{1} << 30;
inline constexpr std::uint64_t TiB = std::uint64_t{1} << 40;

// All of these need a power of two as `alignment`.
constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t alignment) {
    return value & ~(alignment - 1);
}
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
    return align_down(value + alignment - 1, alignment);
}
constexpr bool is_aligned(std::uint64_t value, std::uint64_t alignment) {
    return (value & (alignment - 1)) == 0;
}
constexpr unsigned log2_of(std::uint64_t power_of_two) {
    return static_cast<unsigned>(std::countr_zero(power_of_two));
}
// [low, high] set, both included; high < 64.
constexpr std::uint64_t bit_mask(unsigned high, unsigned low) {
    return ((~std::uint64_t{0}) >> (63 - high)) & ((~std::uint64_t{0}) << low);
}

template <class Tag>
struct Address {
    std::uint64_t value = 0;

    constexpr Address() = default;
    constexpr explicit Address(std::uint64_t bytes) : value{bytes} {}

    constexpr auto operator<=>(const Address&) const = default;
    constexpr Address operator+(std::uint64_t bytes) const { return Address{value + bytes}; }
    constexpr Address operator-(std::uint64_t bytes) const { return Address{value - bytes}; }
    constexpr std::uint64_t operator-(Address other) const { return value - other.value; }
    constexpr Address& operator+=(std::uint64_t bytes) {
        value += bytes;
        return *this;
    }

    constexpr Address align_down(std::uint64_t alignment) const {
        return Address{twofold::align_down(value, alignment)};
    }
    constexpr Address align_up(std::uint64_t alignment) const {
        return Address{twofold::align_up(value, alignment)};
    }
    constexpr bool is_aligned(std::uint64_t alignment) const {
        return twofold::is_aligned(value, alignment);
    }
    constexpr std::uint64_t offset_in(std::uint64_t alignment) const {
        return value & (alignment - 1);
    }
};

struct IpaTag;
struct PaTag;
using Ipa = Address<IpaTag>;
using Pa = Address<PaTag>;

} // namespace twofold
