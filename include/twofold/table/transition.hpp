// SPDX-License-Identifier: MIT
// transition: how one descriptor may become another while walkers use it (break-before-make). Pure.
//
//   old      new                                          what must be done
//   any      the same                                     nothing
//   invalid  anything                                     store: invalid entries are never cached
//   valid    invalid                                      store, invalidate
//   leaf     leaf: only software bits, AF set             store: nothing cached says otherwise
//   leaf     leaf: permissions only added                 store, invalidate on this CPU
//   leaf     leaf: permissions removed, AF or DBM cleared store, invalidate everywhere
//   leaf     leaf: address, type, shareability, nT, ...   break: invalid, invalidate, store
//   table    leaf or other table, and leaf to table       break: invalid, invalidate, store
#pragma once

#include <twofold/arch/attributes.hpp>
#include <twofold/arch/descriptor.hpp>

#include <cstdint>

namespace twofold {

enum class Transition : std::uint8_t {
    nothing,
    store,
    store_then_invalidate_locally,
    store_then_invalidate,
    break_first,
};

namespace transition_rules {
// What may differ between two leaves without a break.
inline constexpr std::uint64_t permission_bits =
    leaf::s2ap::mask | leaf::xn::mask | leaf::dbm::mask;
inline constexpr std::uint64_t in_place_bits =
    permission_bits | leaf::af::mask | leaf::software::mask;
} // namespace transition_rules

// `xnx`: whether XN[0] (bit 53) has a meaning. Without FEAT_BBM; a CPU with it may do less.
constexpr Transition transition(const DescriptorFormat& format, Descriptor before, Descriptor after,
                                Level level, bool xnx) {
    if (before == after) {
        return Transition::nothing;
    }
    if (format.kind(before, level) == EntryKind::invalid) {
        return Transition::store;
    }
    if (format.kind(after, level) == EntryKind::invalid) {
        return Transition::store_then_invalidate;
    }
    const std::uint64_t changed = before.value ^ after.value;
    if (!format.is_leaf(before, level) || !format.is_leaf(after, level) ||
        (changed & ~transition_rules::in_place_bits) != 0) {
        return Transition::break_first;
    }
    const auto permissions = [&](Descriptor d) {
        return Permissions::decode(leaf::s2ap::get(d.value), leaf::xn::get(d.value), xnx);
    };
    const bool removed = !permissions(after).include(permissions(before)) ||
                         (leaf::dbm::is_set(before.value) && !leaf::dbm::is_set(after.value)) ||
                         (leaf::af::is_set(before.value) && !leaf::af::is_set(after.value));
    if (removed) {
        return Transition::store_then_invalidate;
    }
    return (changed & transition_rules::permission_bits) != 0
               ? Transition::store_then_invalidate_locally
               : Transition::store;
}

} // namespace twofold
