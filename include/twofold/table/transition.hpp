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
//   leaf     leaf: the Contiguous bit                     break; with FEAT_BBM 2: store, invalidate
//   leaf     leaf: address, type, shareability, nT, ...   break: invalid, invalidate, store
//   table    leaf that maps the same, and leaf to table   break; with FEAT_BBM 2: store, invalidate
//   table    other leaf or table, and leaf to table       break: invalid, invalidate, store
//
// A leaf with the Contiguous bit stands for its whole run in a TLB. What is allowed in place above
// is allowed if every entry of the run gets it; a change of one entry alone breaks the run, but for
// AF being set, which hardware does as well.
//
// FEAT_BBM level 1 (nT) does not avoid the fault that a break has, as the implementation may fault
// on nT, so it is treated as level 0.
#pragma once

#include <twofold/arch/attributes.hpp>
#include <twofold/arch/cpu_features.hpp>
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

// What the two descriptors do not say.
struct TransitionContext {
    bool whole_run = true;         // the other entries of a contiguous run change alike
    bool same_translation = false; // table and leaf map the same, with the same attributes
};

namespace transition_rules {

// What may differ between two leaves without a break.
inline constexpr std::uint64_t permission_bits =
    leaf::s2ap::mask | leaf::xn::mask | leaf::dbm::mask;
inline constexpr std::uint64_t in_place_bits =
    permission_bits | leaf::af::mask | leaf::software::mask;

// Bit 0: read, 1: write, 2: execute at EL1, 3: at EL0 (Permissions::decode in bits).
constexpr std::uint64_t permissions(std::uint64_t d, bool xnx) {
    const std::uint64_t xn1 = (d >> 54) & 1;
    const std::uint64_t xn0 = xnx ? (d >> 53) & 1 : 0;
    return ((d >> 6) & 0b11) | ((xn1 ^ xn0 ^ 1) << 2) | ((xn1 ^ 1) << 3);
}

constexpr Transition between_leaves(std::uint64_t before, std::uint64_t after, bool xnx) {
    const std::uint64_t lost = (permissions(before, xnx) & ~permissions(after, xnx)) |
                               (before & ~after & (leaf::dbm::mask | leaf::af::mask));
    if (lost != 0) {
        return Transition::store_then_invalidate;
    }
    return ((before ^ after) & permission_bits) != 0 ? Transition::store_then_invalidate_locally
                                                     : Transition::store;
}

} // namespace transition_rules

// `features`: FEAT_XNX (whether XN[0], bit 53, has a meaning) and FEAT_BBM.
constexpr Transition transition(const DescriptorFormat& format, Descriptor before, Descriptor after,
                                Level level, const CpuFeatures& features,
                                TransitionContext context = {}) {
    if (before == after) {
        return Transition::nothing;
    }
    if (format.kind(before, level) == EntryKind::invalid) {
        return Transition::store;
    }
    if (format.kind(after, level) == EntryKind::invalid) {
        return Transition::store_then_invalidate;
    }
    const bool was_leaf = format.is_leaf(before, level);
    if (!was_leaf || !format.is_leaf(after, level)) {
        const bool may_stay = features.bbm >= 2 && context.same_translation &&
                              was_leaf != format.is_leaf(after, level);
        return may_stay ? Transition::store_then_invalidate : Transition::break_first;
    }
    const std::uint64_t changed = before.value ^ after.value;
    if ((changed & ~(transition_rules::in_place_bits | leaf::contiguous::mask)) != 0) {
        return Transition::break_first;
    }
    if ((changed & leaf::contiguous::mask) != 0) {
        return features.bbm >= 2 && context.whole_run ? Transition::store_then_invalidate
                                                      : Transition::break_first;
    }
    const bool af_set = changed == leaf::af::mask && leaf::af::is_set(after.value);
    if (before.contiguous() && !context.whole_run && !af_set) {
        return Transition::break_first;
    }
    return transition_rules::between_leaves(before.value, after.value, features.xnx);
}

} // namespace twofold
