// SPDX-License-Identifier: MIT
// Explanation: of one address of a guest: what is mapped, what a fault would map there now, and for
// each size why it is not possible.
#pragma once

#include <twofold/table/mapping.hpp>
#include <twofold/vm/backing.hpp>
#include <twofold/vm/memory_fault.hpp>

#include <expected>
#include <optional>

namespace twofold {

struct Explanation {
    Slot slot = {};
    Lookup found = {};
    BackingAnswer answer = {};
    // Where the backing has answered with memory around the address.
    std::optional<MappingRequest> request = {};

    static Explanation of(const Geometry& geometry, const GuestMemoryPolicy& policy,
                          const Slot& slot, Ipa ipa, const Lookup& found) {
        Explanation result{.slot = slot, .found = found};
        result.answer = slot.backing->extent(slot.offset_of(ipa), AccessKind::read);
        if (result.answer && result.answer->contains(slot.offset_of(ipa))) {
            const MemoryFault fault{.ipa = ipa, .slot = &slot};
            result.request = BackedFault{fault, *result.answer}.request(policy);
            if (!found.mapping) {
                result.request->policy.other_mappings = geometry.entry_size(found.level);
            }
        }
        return result;
    }
    // By size, from the page up; only with a request.
    SizeLimits limits(const Geometry& geometry) const { return {geometry, *request}; }
};

} // namespace twofold
