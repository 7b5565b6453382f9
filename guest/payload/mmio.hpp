// SPDX-License-Identifier: MIT
// Device registers through the identity mapping. Plain loads and stores, which have a syndrome.
#pragma once

#include <cstdint>

namespace twofold::payload {

inline std::uint32_t read32(std::uint64_t address) {
    std::uint32_t value = 0;
    asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}
inline std::uint64_t read64(std::uint64_t address) {
    std::uint64_t value = 0;
    asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}
inline void write32(std::uint64_t address, std::uint32_t value) {
    asm volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
}
inline void write64(std::uint64_t address, std::uint64_t value) {
    asm volatile("str %0, [%1]" ::"r"(value), "r"(address) : "memory");
}

} // namespace twofold::payload
