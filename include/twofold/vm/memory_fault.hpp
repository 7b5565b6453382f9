// SPDX-License-Identifier: MIT
// MemoryFault: an access to a slot that the table did not allow, with everything that the answer
// depends on. Pure.
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
#include <optional>

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
    bool backed = false;        // the table shows the memory that the backing gave
    const Slot* slot = nullptr; // as long as the fault lasts; the extent, too
    RawEntry found = {};        // in the table, before the backing was asked
    Extent* extent = nullptr;   // from the backing

    constexpr bool is_write() const { return access == AccessKind::write; }
    constexpr bool is_logged() const { return is_write() && slot->dirty_logging; }
    constexpr std::uint64_t offset() const { return slot->offset_of(ipa); }
    constexpr Pa pa() const { return extent->pa_of(offset()); }
    // The extent, where the guest sees it.
    constexpr IpaSpan memory() const {
        return {.start = slot->range.start + extent->offset, .length = extent->length};
    }
    // The same without what lies outside of `part`, which holds the fault.
    constexpr void cut_extent(const IpaSpan& part) const {
        const std::uint64_t skipped = part.start - memory().start;
        extent->offset += skipped;
        extent->pa += skipped;
        extent->length = part.length;
    }

    constexpr bool may_execute() const { return extent->executable && is_cacheable(extent->type); }
    constexpr bool extent_allows() const {
        return access == AccessKind::fetch ? may_execute() : !is_write() || extent->writable;
    }

    // Permissions allow the access: another CPU was faster than this one.
    static constexpr bool allows(const Permissions& p, AccessKind access) {
        return access == AccessKind::fetch   ? p.execute_el1 && p.execute_el0
               : access == AccessKind::write ? p.write
                                             : p.read;
    }

    // Execution is given when it is asked for, because instruction caches have to be invalidated
    // first; at once where they need not. Writing waits for the first write where it is logged.
    constexpr Permissions permissions(const CpuFeatures& features) const {
        const bool write = may_write() && (!slot->dirty_logging || is_write());
        const bool execute = may_execute() && (features.dic || access == AccessKind::fetch);
        return {.read = true, .write = write, .execute_el1 = execute, .execute_el0 = execute};
    }
    constexpr bool may_write() const { return slot->writable && extent->writable; }
    // Of a new leaf. Where hardware logs the writes, it gives the permission itself.
    constexpr Attributes attributes(const CpuFeatures& features) const {
        return {.permissions = permissions(features),
                .type = extent->type,
                .dbm = slot->dirty_logging && slot->by_hardware() && may_write()};
    }

    constexpr MappingRequest request(const GuestMemoryPolicy& policy) const {
        MappingRequest request{
            .fault = ipa,
            .slot = slot->range,
            .extent = memory(),
            .extent_pa = extent->pa,
            .attributes = {.start = slot->range.start + extent->uniform.offset,
                           .length = extent->uniform.length},
            .policy = {.dirty_logging = slot->dirty_logging, .cap = policy.largest}};
        if (is_device(extent->type)) {
            request.policy.device = policy.largest_device;
        }
        return request;
    }
    // What is mapped already is not looked at, and stays: the choice is not larger than the hole in
    // the table, or than the leaf whose memory is replaced.
    constexpr std::expected<ChosenMapping, LimitedBy>
    choose(const Geometry& geometry, const GuestMemoryPolicy& policy) const {
        MappingRequest wanted = request(policy);
        if (!backed) {
            wanted.policy.other_mappings = geometry.entry_size(found.level);
        }
        return choose_leaf(geometry, wanted);
    }
};

} // namespace twofold
