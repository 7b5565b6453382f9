// SPDX-License-Identifier: MIT
// What the library asks of the CPU at EL2: barriers, TLBIs, cache maintenance.
#include "port/el2_port.hpp"

#include "cpu/cache.hpp"
#include "port/tlbi.hpp"

#include <algorithm>

namespace twofold::hyp {

std::optional<Pa> El2Port::allocate(std::uint64_t bytes) {
    const auto pages = pages_.allocate(bytes);
    if (pages && !geometry_.fits(*pages, bytes)) {
        pages_.free(*pages, bytes);
        return std::nullopt;
    }
    return pages;
}

void El2Port::barrier(Barrier barrier) {
    switch (barrier) {
    case Barrier::dsb_ishst:
        dsb_ishst();
        break;
    case Barrier::dsb_nshst:
        dsb_nshst();
        break;
    // A DSB without nXS waits for more than the nXS form would.
    case Barrier::dsb_ish:
    case Barrier::dsb_ish_nxs:
        dsb_ish();
        break;
    case Barrier::dsb_nsh:
    case Barrier::dsb_nsh_nxs:
        dsb_nsh();
        break;
    case Barrier::isb:
        isb();
        return;
    }
    counters_.dsb.add();
}

void El2Port::tlbi(const TlbiOperation& operation) {
    switch (operation.kind) {
    case TlbiKind::ipas2:
        counters_.by_ipa.add();
        break;
    case TlbiKind::ripas2:
        counters_.by_range.add();
        break;
    case TlbiKind::vmalle1:
        counters_.stage1.add();
        break;
    case TlbiKind::vmalls12:
        counters_.whole_vmid.add();
        break;
    }
    execute(operation);
}

void El2Port::clean_dcache(Pa pa, std::uint64_t bytes) {
    clean_and_invalidate_data_cache(pa.value, bytes);
}

void El2Port::invalidate_icache(Pa pa, std::uint64_t bytes) {
    // By address it takes one instruction a line; beyond this everything is cheaper.
    constexpr std::uint64_t largest_by_line = 64 * KiB;
    if (bytes > largest_by_line) {
        invalidate_instruction_caches();
        return;
    }
    const std::uint64_t line = std::max(4U, features_.icache_line);
    for (std::uint64_t at = align_down(pa.value, line); at < pa.value + bytes; at += line)
        asm volatile("ic ivau, %0" ::"r"(at) : "memory");
    dsb_ish();
    isb();
}

} // namespace twofold::hyp
