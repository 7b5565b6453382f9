// SPDX-License-Identifier: MIT
// The mem* functions that the compiler and libfdt call. Whole words only where both sides are
// aligned to them: before the MMU is on, an unaligned access would fault.
#include <cstddef>
#include <cstdint>

// The loops below must not be recognised as calls of themselves.
#pragma GCC optimize("no-tree-loop-distribute-patterns", "no-tree-vectorize")

namespace {

using Word [[gnu::may_alias]] = std::uint64_t;
using Half [[gnu::may_alias]] = std::uint32_t;
// The compiler calls these for structures, which have some ten words.
struct [[gnu::may_alias]] FourWords {
    Word words[4];
};

template <typename T>
void put(unsigned char*& to, T value) {
    *reinterpret_cast<T*>(to) = value;
    to += sizeof(T);
}

template <typename T>
void copy(unsigned char*& to, const unsigned char*& from) {
    put(to, *reinterpret_cast<const T*>(from));
    from += sizeof(T);
}

bool word_aligned(const void* a) {
    return (reinterpret_cast<std::uintptr_t>(a) & (sizeof(Word) - 1)) == 0;
}

bool equally_aligned(const void* a, const void* b) {
    return ((reinterpret_cast<std::uintptr_t>(a) ^ reinterpret_cast<std::uintptr_t>(b)) &
            (sizeof(Word) - 1)) == 0;
}

} // namespace

extern "C" {

void* memcpy(void* __restrict destination, const void* __restrict source, std::size_t size) {
    auto* to = static_cast<unsigned char*>(destination);
    const auto* from = static_cast<const unsigned char*>(source);
    if (equally_aligned(to, from)) {
        for (; size > 0 && !word_aligned(to); --size)
            *to++ = *from++;
        for (; size >= sizeof(FourWords); size -= sizeof(FourWords))
            copy<FourWords>(to, from);
        for (; size >= sizeof(Word); size -= sizeof(Word))
            copy<Word>(to, from);
        if ((size & sizeof(Half)) != 0)
            copy<Half>(to, from);
        size %= sizeof(Half);
    }
    for (; size > 0; --size)
        *to++ = *from++;
    return destination;
}

void* memmove(void* destination, const void* source, std::size_t size) {
    auto* to = static_cast<unsigned char*>(destination);
    const auto* from = static_cast<const unsigned char*>(source);
    if (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) >= size)
        return memcpy(destination, source, size);
    while (size > 0) {
        --size;
        to[size] = from[size];
    }
    return destination;
}

void* memset(void* destination, int value, std::size_t size) {
    auto* to = static_cast<unsigned char*>(destination);
    const auto byte = static_cast<unsigned char>(value);
    const Word word = 0x0101010101010101U * byte;
    for (; size > 0 && !word_aligned(to); --size)
        *to++ = byte;
    for (; size >= sizeof(FourWords); size -= sizeof(FourWords))
        put(to, FourWords{{word, word, word, word}});
    for (; size >= sizeof(Word); size -= sizeof(Word))
        put(to, word);
    if ((size & sizeof(Half)) != 0)
        put(to, static_cast<Half>(word));
    size %= sizeof(Half);
    for (; size > 0; --size)
        *to++ = byte;
    return destination;
}

int memcmp(const void* left, const void* right, std::size_t size) {
    const auto* a = static_cast<const unsigned char*>(left);
    const auto* b = static_cast<const unsigned char*>(right);
    for (; size > 0; --size, ++a, ++b) {
        if (*a != *b)
            return *a < *b ? -1 : 1;
    }
    return 0;
}

void* memchr(const void* memory, int value, std::size_t size) {
    auto* bytes = static_cast<unsigned char*>(const_cast<void*>(memory));
    for (; size > 0; --size, ++bytes) {
        if (*bytes == static_cast<unsigned char>(value))
            return bytes;
    }
    return nullptr;
}

} // extern "C"
