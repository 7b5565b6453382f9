// SPDX-License-Identifier: MIT
// Arena: memory of the caller's, handed out once in arrays. Pool: an array whose elements are taken
// and given back, by index.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace twofold::model {

class Arena {
public:
    explicit Arena(std::span<std::byte> memory) : memory_{memory} {}

    // Room for `count` elements of T; for as many as there is room for.
    template <class T>
    std::span<T> take(std::size_t count) {
        const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
        const std::size_t skip = (alignof(T) - address % alignof(T)) % alignof(T);
        if (skip >= memory_.size()) {
            return {};
        }
        memory_ = memory_.subspan(skip);
        count = count < memory_.size() / sizeof(T) ? count : memory_.size() / sizeof(T);
        auto* first = reinterpret_cast<T*>(memory_.data());
        memory_ = memory_.subspan(count * sizeof(T));
        return {first, count};
    }
    // The same, each element as `value`.
    template <class T>
    std::span<T> take(std::size_t count, const T& value) {
        const std::span<T> all = take<T>(count);
        for (T& element : all) {
            ::new (static_cast<void*>(&element)) T{value};
        }
        return all;
    }
    [[nodiscard]] std::size_t left() const { return memory_.size(); }

private:
    std::span<std::byte> memory_;
};

inline constexpr std::uint32_t no_index = ~std::uint32_t{0};

// Elements of type T, found by a key: T has `key` and `next`. Chains hang from a power of two of
// heads.
template <class T>
class KeyedPool {
public:
    KeyedPool(Arena& arena, std::size_t bytes)
        : items_{arena.take<T>(bytes / (sizeof(T) + sizeof(Head)))},
          heads_{arena.take(std::bit_floor(items_.size()), Head{})} {
        if (heads_.empty()) {
            items_ = {}; // without a place to find them, there are none
        }
    }

    T& operator[](std::uint32_t index) { return items_[index]; }
    const T& operator[](std::uint32_t index) const { return items_[index]; }

    // The first element with this key, or the next after `index`.
    std::uint32_t find(std::uint64_t key) const {
        return heads_.empty() ? no_index : find_from(heads_[slot(key)].first, key);
    }
    std::uint32_t find_next(std::uint32_t index) const {
        return find_from(items_[index].next, items_[index].key);
    }

    // A new element; no_index if there is none left.
    std::uint32_t insert(std::uint64_t key) {
        std::uint32_t index = free_;
        if (index != no_index) {
            free_ = items_[index].next;
        } else if (used_ < items_.size()) {
            index = used_++;
        } else {
            return no_index;
        }
        ::new (static_cast<void*>(&items_[index])) T{};
        items_[index].key = key;
        Head& head = heads_[slot(key)];
        items_[index].next = head.first;
        head.first = index;
        ++count_;
        return index;
    }
    void erase(std::uint32_t index) {
        std::uint32_t* link = &heads_[slot(items_[index].key)].first;
        while (*link != index) {
            link = &items_[*link].next;
        }
        *link = items_[index].next;
        items_[index].next = free_;
        free_ = index;
        --count_;
    }
    template <class Visit>
    void for_each(Visit&& visit) {
        for (const Head& head : heads_) {
            for (std::uint32_t i = head.first; i != no_index; i = items_[i].next) {
                visit(items_[i]);
            }
        }
    }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::size_t capacity() const { return items_.size(); }

private:
    struct Head {
        std::uint32_t first = no_index;
    };
    [[nodiscard]] std::size_t slot(std::uint64_t key) const {
        // Fibonacci hashing: the upper bits of the product are the well-mixed ones.
        return static_cast<std::size_t>((key * 0x9e37'79b9'7f4a'7c15) >> 32) & (heads_.size() - 1);
    }
    [[nodiscard]] std::uint32_t find_from(std::uint32_t index, std::uint64_t key) const {
        while (index != no_index && items_[index].key != key) {
            index = items_[index].next;
        }
        return index;
    }

    std::span<T> items_;
    std::span<Head> heads_;
    std::uint32_t free_ = no_index; // of elements that were given back
    std::uint32_t used_ = 0;        // elements that were ever in use
    std::size_t count_ = 0;
};

} // namespace twofold::model
