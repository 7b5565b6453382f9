// SPDX-License-Identifier: MIT
// MemoryFault: an access to a slot that the table did not allow; with the memory that is there,
// BackedFault: everything that the answer depends on. Pure.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/mapping.hpp>
#include <twofold/vm/choose_mapping.hpp>
#include <twofold/vm/extent.hpp>
#include <twofold/vm/slot.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

struct GuestMemoryPolicy {
    std::uint64_t largest = MappingPolicy::unlimited; // of a mapping, in bytes
    std::uint64_t largest_device = MappingPolicy::unlimited;
    // For a fault that maps a single page: the pages of the aligned window of so many bytes, a
    // power of two, are mapped with it, where their backing has them at hand. 0: only that page.
    std::uint64_t fault_around = 0;
};

struct MemoryFault {
    Ipa ipa = {};
    AccessKind access = AccessKind::read;
    bool permission = false;    // a permission fault, so that a TLB may hold the old entry
    const Slot* slot = nullptr; // as long as the fault lasts
    RawEntry found = {};        // in the table, before the backing is asked

    constexpr bool is_write() const { return access == AccessKind::write; }
    constexpr bool is_logged() const { return is_write() && slot->dirty_logging; }
    constexpr std::uint64_t offset() const { return slot->offset_of(ipa); }
};

// A fault and the extent that the backing answered with. In line, so that what of it is asked for
// need not be in memory.
struct BackedFault {
    const MemoryFault& fault;
    Extent& extent;

    constexpr Pa pa() const { return extent.pa_of(fault.offset()); }
    // The extent, where the guest sees it.
    constexpr IpaSpan memory() const {
        return {.start = fault.slot->range.start + extent.offset, .length = extent.length};
    }
    // Leaves the part of it that holds the fault.
    constexpr void cut(const IpaSpan& part) const {
        const std::uint64_t skipped = part.start - memory().start;
        extent.offset += skipped;
        extent.pa += skipped;
        extent.length = part.length;
    }

    constexpr bool may_execute() const { return extent.executable && is_cacheable(extent.type); }
    constexpr bool may_write() const { return fault.slot->writable && extent.writable; }
    // Whether memory of this kind can be accessed so at all.
    constexpr bool is_allowed() const {
        return fault.access == AccessKind::fetch ? may_execute()
                                                 : !fault.is_write() || extent.writable;
    }

    // Execution is given when it is asked for, because instruction caches have to be invalidated
    // first; at once where they need not. Writing waits for the first write where it is logged.
    [[gnu::always_inline]] constexpr Permissions permissions(const CpuFeatures& features) const {
        const bool write = may_write() && (!fault.slot->dirty_logging || fault.is_write());
        const bool execute = may_execute() && (features.dic || fault.access == AccessKind::fetch);
        return {.read = true, .write = write, .execute_el1 = execute, .execute_el0 = execute};
    }
    // Of a new leaf. Where hardware logs the writes, it gives the permission itself.
    [[gnu::always_inline]] constexpr Attributes attributes(const CpuFeatures& features) const {
        return {.permissions = permissions(features),
                .type = extent.type,
                .dbm = fault.slot->dirty_logging && fault.slot->by_hardware() && may_write()};
    }

    [[gnu::always_inline]] constexpr MappingRequest request(const GuestMemoryPolicy& policy) const {
        const Slot& slot = *fault.slot;
        return {.fault = fault.ipa,
                .slot = slot.range,
                .extent = memory(),
                .extent_pa = extent.pa,
                .attributes = {.start = slot.range.start + extent.uniform.offset,
                               .length = extent.uniform.length},
                .policy = {.dirty_logging = slot.dirty_logging,
                           .device = is_device(extent.type) ? policy.largest_device
                                                            : MappingPolicy::unlimited,
                           .cap = policy.largest}};
    }
    // Not larger than `room`: what is mapped already is not looked at, and stays.
    [[gnu::always_inline]] constexpr std::expected<ChosenMapping, LimitedBy>
    choose(const Geometry& geometry, const GuestMemoryPolicy& policy,
           std::uint64_t room = MappingPolicy::unlimited) const {
        MappingRequest wanted = request(policy);
        wanted.policy.other_mappings = room;
        return choose_leaf(geometry, wanted);
    }
};

} // namespace twofold
