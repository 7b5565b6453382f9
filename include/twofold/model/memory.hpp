// SPDX-License-Identifier: MIT
// The physical memory that a walk reads, as a reference to any object that can load and swap words.
#pragma once

#include <twofold/arch/address.hpp>

#include <concepts>
#include <cstdint>
#include <optional>

namespace twofold::model {

// A word is the 64-bit little-endian value of eight bytes at an aligned address, whatever the
// endianness of the walk. nullopt stands for an external abort.
//   load(pa)                                  the word
//   compare_exchange(pa, expected, desired)   the word that was there; the store happened if and
//                                             only if it equals `expected`
template <typename M>
concept WalkMemory = requires(M& memory, Pa pa, std::uint64_t word) {
    { memory.load(pa) } -> std::same_as<std::optional<std::uint64_t>>;
    { memory.compare_exchange(pa, word, word) } -> std::same_as<std::optional<std::uint64_t>>;
};

// Does not own: the memory must outlive it.
class MemoryRef {
public:
    // Implicit, so that a memory can be handed to a walk as it is.
    template <WalkMemory M>
    requires(!std::same_as<M, MemoryRef>)
        // NOLINTNEXTLINE(google-explicit-constructor)
        constexpr MemoryRef(M& memory)
        : object_(&memory),
          load_([](void* object, Pa pa) { return static_cast<M*>(object)->load(pa); }),
          swap_([](void* object, Pa pa, std::uint64_t expected, std::uint64_t desired) {
              return static_cast<M*>(object)->compare_exchange(pa, expected, desired);
          }) {}

    [[nodiscard]] std::optional<std::uint64_t> load(Pa pa) const { return load_(object_, pa); }
    [[nodiscard]] std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                                std::uint64_t desired) const {
        return swap_(object_, pa, expected, desired);
    }

private:
    void* object_;
    std::optional<std::uint64_t> (*load_)(void*, Pa);
    std::optional<std::uint64_t> (*swap_)(void*, Pa, std::uint64_t, std::uint64_t);
};

} // namespace twofold::model
