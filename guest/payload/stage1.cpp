// SPDX-License-Identifier: MIT
// The tables. The first two functions run with the MMU off.
#include "stage1.hpp"

#include "cpu/sysreg.hpp"

namespace twofold::payload {

namespace {

constexpr std::uint64_t attribute_memory =
    0x0044ff00; // MAIR_EL1: nGnRnE, write-back, non-cacheable
constexpr std::uint64_t device = 0U << 2;
constexpr std::uint64_t write_back = 1U << 2;
constexpr std::uint64_t non_cacheable = 2U << 2;

constexpr std::uint64_t block = 1U << 10 | 3U << 8 | 0b01; // AF, SH inner
constexpr std::uint64_t el0_access = 1U << 6;              // AP[1]
constexpr std::uint64_t read_only = 1U << 7;               // AP[2]
constexpr std::uint64_t pxn = std::uint64_t{1} << 53;
constexpr std::uint64_t uxn = std::uint64_t{1} << 54;

alignas(4096) constinit TranslationTable low_root{};
alignas(4096) constinit TranslationTable low_blocks{};
alignas(4096) constinit TranslationTable root_of_windows{};
alignas(4096) constinit TranslationTable windows{};

constexpr std::uint64_t attributes_of(WindowKind kind) {
    switch (kind) {
    case WindowKind::normal:
        return block | write_back | uxn;
    case WindowKind::non_cacheable:
        return block | non_cacheable | uxn;
    case WindowKind::device:
        return block | device | uxn | pxn;
    case WindowKind::el0:
        return block | write_back | el0_access;
    case WindowKind::el0_code:
        return block | write_back | el0_access | read_only | pxn;
    }
    return 0;
}

std::uint64_t address_of(const TranslationTable& table) {
    return reinterpret_cast<std::uintptr_t>(&table);
}

} // namespace

std::uint64_t map_window(Window window, std::uint64_t ipa, WindowKind kind) {
    const auto index = static_cast<unsigned>(window);
    const std::uint64_t descriptor = (ipa & bit_mask(47, 30)) | attributes_of(kind);
    if (windows[index] != descriptor) {
        windows[index] = 0;
        forget_translations();
        windows[index] = descriptor;
        hyp::dsb_ish();
        hyp::isb();
    }
    return high_address(0) | std::uint64_t{index} << 30 | (ipa & bit_mask(29, 0));
}

TranslationTable& high_root() { return root_of_windows; }

void forget_translations() {
    asm volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}

} // namespace twofold::payload

using namespace twofold;
using namespace twofold::payload;

// Below 1 GiB there are devices.
void make_stage1() {
    low_root[0] = table_descriptor(address_of(low_blocks));
    low_blocks[0] = attributes_of(WindowKind::device);
    for (std::uint64_t i = 1; i < low_blocks.size(); ++i)
        low_blocks[i] = (i * GiB) | attributes_of(WindowKind::normal);
    root_of_windows[0] = table_descriptor(address_of(windows));
    hyp::dsb_sy();
}

void enter_stage1() {
    // [34:32] IPS 48 bits, [31:30] TG1 4K, [29:28] SH1, [27:26] ORGN1, [25:24] IRGN1, [21:16] T1SZ,
    // and the same of TTBR0 below. IPS is more than ID_AA64MMFR0_EL1 may promise: stage 2 decides.
    constexpr std::uint64_t half = 3U << 12 | 1U << 10 | 1U << 8 | 16;
    constexpr std::uint64_t translation =
        std::uint64_t{5} << 32 | std::uint64_t{2} << 30 | half << 16 | half;
    // RES1 of Armv8.0, [26] UCI, [15] UCT, [14] DZE, [12] I, [2] C, [0] M
    constexpr std::uint64_t control = 0x30d00800 | 1U << 26 | 1U << 15 | 1U << 14 | 0x1005;
    TWOFOLD_WRITE_SYSREG(MAIR_EL1, attribute_memory);
    TWOFOLD_WRITE_SYSREG(TCR_EL1, translation);
    TWOFOLD_WRITE_SYSREG(TTBR0_EL1, address_of(low_root));
    TWOFOLD_WRITE_SYSREG(TTBR1_EL1, address_of(root_of_windows));
    asm volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
    TWOFOLD_WRITE_SYSREG(SCTLR_EL1, control);
    hyp::isb();
}
