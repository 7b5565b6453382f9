// SPDX-License-Identifier: MIT
// Discharge of invalidations at EL2.
#include "port/el2_port.hpp"

#include "cpu/cache.hpp"
#include "port/tlbi.hpp"

#include <twofold/table/invalidation_plan.hpp>

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

void El2Port::complete_stores() {
    counters_.dsb.add();
    dsb_ishst();
}

void El2Port::invalidate(const Invalidation& owed) {
    const bool broadcast = owed.scope() == InvalidationScope::inner_shareable;
    bool whole = false;
    counters_.discharges.add();
    dsb_ishst();
    plan_invalidation(geometry_, features_, owed, [&](const TlbiOperation& operation) {
        tlbi_stage2(operation, broadcast);
        switch (operation.kind) {
        case TlbiKind::ipas2:
            counters_.by_ipa.add();
            break;
        case TlbiKind::ripas2:
            counters_.by_range.add();
            break;
        case TlbiKind::vmalls12:
            counters_.whole_vmid.add();
            whole = true;
            break;
        }
    });
    dsb_ish();
    if (!whole) {
        tlbi_stage1(broadcast);
        counters_.stage1.add();
        dsb_ish();
    }
    isb();
    counters_.dsb.add(whole ? 2 : 3);
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
