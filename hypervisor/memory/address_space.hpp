// SPDX-License-Identifier: MIT
// What EL2 itself can reach: an identity map of 48 bits, made once at boot. Nothing is writable and
// executable at the same time, and what is not mapped here EL2 cannot touch by mistake.
#pragma once

#include <array>
#include <cstdint>

namespace twofold::hyp {

enum class MapKind : std::uint8_t { code, constant, data, device };

class AddressSpace {
public:
    constexpr AddressSpace() = default;

    // Multiples of 4096, not mapped yet. False if the tables are used up or the range is not
    // addressable. Only new entries are written, so no TLB invalidation is needed.
    bool map(std::uint64_t start, std::uint64_t size, MapKind kind);

    std::uint64_t root() const { return reinterpret_cast<std::uintptr_t>(&tables_[0]); }
    static std::uint64_t tcr();
    static std::uint64_t mair();
    static std::uint64_t sctlr();

    // Turns the MMU and the caches of this CPU on. What is in use must be mapped.
    void activate() const;

private:
    static constexpr unsigned table_count = 96;
    struct alignas(4096) Table {
        std::uint64_t entries[512];
    };

    bool map_block(std::uint64_t address, unsigned level, std::uint64_t attributes);

    std::array<Table, table_count> tables_{};
    unsigned used_ = 0; // beside the root, which is the first
};

} // namespace twofold::hyp
