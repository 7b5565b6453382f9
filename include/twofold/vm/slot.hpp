// SPDX-License-Identifier: MIT
// Slot: a range of a guest's physical address space that is memory, and who owns that memory.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/vm/choose_mapping.hpp>
#include <twofold/vm/dirty_bitmap.hpp>

#include <cstdint>

namespace twofold {

class Backing;

// How the writes to a slot are noticed while they are logged.
enum class DirtyTracking : std::uint8_t {
    write_protection, // the first write to each page is a fault
    // The CPU notes it in the descriptor (FEAT_HAFDBS, with VTCR_EL2.HD): no fault, but a harvest
    // looks at every page that is mapped. A block that was not divided is dirty as a whole.
    hardware,
};

struct Slot {
    IpaSpan range = {};
    Backing* backing = nullptr;   // outlives the slot
    bool writable = true;         // false: a write is for the device model, as with flash and ROM
    bool dirty_logging = false;   // the first write to each page is noticed, and marked in `dirty`
    DirtyBitmap* dirty = nullptr; // of the slot's pages, or none; outlives the slot
    DirtyTracking tracking = DirtyTracking::write_protection; // by hardware only with a bitmap

    // Marks the pages of a range of the slot as dirty; it has a bitmap.
    void mark(const IpaSpan& pages, std::uint64_t page_size) const {
        for (Ipa ipa = pages.start; ipa < pages.end(); ipa += page_size) {
            dirty->mark(offset_of(ipa) / page_size);
        }
    }
    constexpr bool by_hardware() const { return tracking == DirtyTracking::hardware; }
    // The page around `ipa` has been written, or may be now.
    void note_write(Ipa ipa, std::uint64_t page_size) const {
        if (dirty_logging && dirty != nullptr) {
            dirty->mark(offset_of(ipa) / page_size);
        }
    }

    constexpr std::uint64_t offset_of(Ipa ipa) const { return ipa - range.start; }
    constexpr bool operator==(const Slot&) const = default;
};

} // namespace twofold
