// SPDX-License-Identifier: MIT
// Batch: a few entries that are broken together, so that one invalidation serves all of them. It
// holds as many as an Invalidation has ranges.
#pragma once

#include <twofold/table/invalidation.hpp>

#include <array>
#include <span>
#include <utility>

namespace twofold {

template <class Item>
class Batch {
public:
    // True if it is full now.
    bool add(const Item& item) {
        items_[count_++] = item;
        return count_ == items_.size();
    }
    bool empty() const { return count_ == 0; }
    std::span<const Item> items() const { return {items_.data(), count_}; }
    // Its items, valid until the next add(); it is empty afterwards.
    std::span<const Item> take() { return {items_.data(), std::exchange(count_, 0)}; }

private:
    std::array<Item, Invalidation::capacity> items_ = {};
    std::size_t count_ = 0;
};

} // namespace twofold
