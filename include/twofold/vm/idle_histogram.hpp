// SPDX-License-Identifier: MIT
// IdleHistogram: how many bytes have not been used for how many scans.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace twofold {

class IdleHistogram {
public:
    // Ages 0, 1, 2-3, 4-7, 8-15, 16-31, and 32 and more.
    static constexpr std::size_t classes = 7;
    static constexpr std::size_t class_of(unsigned age) {
        const auto width = static_cast<std::size_t>(std::bit_width(age));
        return width < classes ? width : classes - 1;
    }
    static constexpr unsigned first_age(std::size_t index) {
        return index == 0 ? 0U : 1U << (index - 1);
    }

    constexpr std::uint64_t unmapped() const { return unmapped_; }
    constexpr std::uint64_t of_class(std::size_t index) const { return by_class_[index]; }
    // Of what is mapped: idle for at least first_age(index) scans.
    constexpr std::uint64_t from_class(std::size_t index) const {
        std::uint64_t sum = 0;
        for (const std::uint64_t bytes : std::span{by_class_}.subspan(index)) {
            sum += bytes;
        }
        return sum;
    }

    // Without an age: memory that is not mapped.
    constexpr void add(std::optional<unsigned> age, std::uint64_t bytes) { of(age) += bytes; }
    constexpr void remove(std::optional<unsigned> age, std::uint64_t bytes) { of(age) -= bytes; }
    constexpr bool operator==(const IdleHistogram&) const = default;

private:
    constexpr std::uint64_t& of(std::optional<unsigned> age) {
        return age ? by_class_[class_of(*age)] : unmapped_;
    }

    std::uint64_t unmapped_ = 0;
    std::array<std::uint64_t, classes> by_class_ = {};
};

} // namespace twofold
