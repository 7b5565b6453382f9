// SPDX-License-Identifier: MIT
// EL2 stage 1: 4K granule, four levels, blocks of 1 GiB and 2 MiB where they fit.
#include "memory/address_space.hpp"

#include "cpu/per_cpu_layout.hpp"
#include "cpu/sysreg.hpp"

#include <twofold/arch/address.hpp>

namespace twofold::hyp {

namespace {

constexpr unsigned address_bits = 48;

// Attr0 Device-nGnRE, Attr1 Normal Write-Back
constexpr std::uint64_t mair_value = 0x04 | (std::uint64_t{0xff} << 8);

constexpr std::uint64_t attributes_of(MapKind kind) {
    constexpr std::uint64_t af = std::uint64_t{1} << 10;
    constexpr std::uint64_t inner_shareable = std::uint64_t{3} << 8;
    constexpr std::uint64_t ap1_res1 = std::uint64_t{1} << 6; // one privilege level: AP[1] is RES1
    constexpr std::uint64_t read_only = std::uint64_t{1} << 7;
    constexpr std::uint64_t xn = std::uint64_t{1} << 54;
    constexpr std::uint64_t normal = std::uint64_t{1} << 2 | inner_shareable; // AttrIndx 1
    switch (kind) {
    case MapKind::code:
        return af | ap1_res1 | normal | read_only;
    case MapKind::constant:
        return af | ap1_res1 | normal | read_only | xn;
    case MapKind::data:
        return af | ap1_res1 | normal | xn;
    case MapKind::device:
        return af | ap1_res1 | xn;
    }
    return 0;
}

constexpr unsigned shift_of(unsigned level) { return 12 + 9 * (3 - level); }

} // namespace

bool AddressSpace::map(std::uint64_t start, std::uint64_t size, MapKind kind) {
    const std::uint64_t limit = std::uint64_t{1} << address_bits;
    if (start >= limit || size > limit - start)
        return false;
    const std::uint64_t attributes = attributes_of(kind);
    while (size > 0) {
        unsigned level = 1;
        while (level < 3 && (!is_aligned(start, std::uint64_t{1} << shift_of(level)) ||
                             size < std::uint64_t{1} << shift_of(level)))
            ++level;
        if (!map_block(start, level, attributes))
            return false;
        start += std::uint64_t{1} << shift_of(level);
        size -= std::uint64_t{1} << shift_of(level);
    }
    dsb_ishst();
    isb();
    return true;
}

bool AddressSpace::map_block(std::uint64_t address, unsigned level, std::uint64_t attributes) {
    Table* table = &tables_[0];
    for (unsigned at = 0; at < level; ++at) {
        std::uint64_t& entry = table->entries[(address >> shift_of(at)) & 511];
        if (entry == 0) {
            if (used_ + 1 == table_count)
                return false;
            Table& next = tables_[++used_];
            dsb_ishst();
            entry = reinterpret_cast<std::uintptr_t>(&next) | 0b11;
        }
        if ((entry & 0b11) != 0b11)
            return false;
        table = reinterpret_cast<Table*>(entry & bit_mask(47, 12));
    }
    std::uint64_t& entry = table->entries[(address >> shift_of(level)) & 511];
    if (entry != 0)
        return false;
    entry = address | attributes | (level == 3 ? 0b11 : 0b01);
    return true;
}

std::uint64_t AddressSpace::tcr() {
    // [31] [23] RES1, [18:16] PS, [13:12] SH0 inner, [11:10] [9:8] Write-Back, [5:0] T0SZ
    std::uint64_t pa_range = TWOFOLD_READ_SYSREG(ID_AA64MMFR0_EL1) & 0xf;
    if (pa_range > 5) // 48 bits are all that a 4K table without LPA2 can output
        pa_range = 5;
    return std::uint64_t{1} << 31 | 1U << 23 | pa_range << 16 | 3U << 12 | 1U << 10 | 1U << 8 |
           (64 - address_bits);
}

std::uint64_t AddressSpace::mair() { return mair_value; }

std::uint64_t AddressSpace::sctlr() {
    // [19] WXN, [12] I, [3] SA, [2] C, [0] M
    return SCTLR_EL2_RESET | 1U << 19 | 1U << 12 | 1U << 3 | 1U << 2 | 1U;
}

void AddressSpace::activate() const {
    TWOFOLD_WRITE_SYSREG(MAIR_EL2, mair());
    TWOFOLD_WRITE_SYSREG(TCR_EL2, tcr());
    TWOFOLD_WRITE_SYSREG(TTBR0_EL2, root());
    isb();
    asm volatile("tlbi alle2\n\tic iallu\n\tdsb nsh\n\tisb" ::: "memory");
    TWOFOLD_WRITE_SYSREG(SCTLR_EL2, sctlr());
    isb();
}

} // namespace twofold::hyp
