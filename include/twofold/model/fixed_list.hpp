// SPDX-License-Identifier: MIT
// A list with room for N elements inside itself. What does not fit is counted, not kept.
#pragma once

#include <array>
#include <cstddef>

namespace twofold::model {

template <typename T, std::size_t N>
class FixedList {
public:
    constexpr void push_back(const T& item) {
        if (size_ < N) {
            items_[size_++] = item;
        } else {
            ++dropped_;
        }
    }
    constexpr void clear() {
        size_ = 0;
        dropped_ = 0;
    }

    [[nodiscard]] constexpr std::size_t size() const { return size_; }
    [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
    [[nodiscard]] constexpr std::size_t dropped() const { return dropped_; }
    [[nodiscard]] constexpr const T& operator[](std::size_t index) const { return items_[index]; }
    [[nodiscard]] constexpr const T& back() const { return items_[size_ - 1]; }
    [[nodiscard]] constexpr const T* begin() const { return items_.data(); }
    [[nodiscard]] constexpr const T* end() const { return items_.data() + size_; }

private:
    std::array<T, N> items_{};
    std::size_t size_ = 0;
    std::size_t dropped_ = 0;
};

} // namespace twofold::model
