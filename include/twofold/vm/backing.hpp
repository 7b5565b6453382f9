// SPDX-License-Identifier: MIT
// Backing: the owner of the memory behind a slot, as the embedder implements it.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/vm/extent.hpp>

#include <cstdint>
#include <expected>
#include <string_view>

namespace twofold {

enum class Unbacked : std::uint8_t {
    not_yet,  // ask again later: the owner has to fetch or free memory first
    poisoned, // the memory is lost; the guest takes an external abort
    none,     // there is nothing at this offset and never will be
};

constexpr std::string_view to_string(Unbacked unbacked) {
    switch (unbacked) {
    case Unbacked::not_yet:
        return "not yet";
    case Unbacked::poisoned:
        return "poisoned";
    case Unbacked::none:
        return "none";
    }
    return "unknown";
}

using BackingAnswer = std::expected<Extent, Unbacked>;

class Backing {
public:
    // The extent that holds byte `offset` of the slot. A write asks for memory that may be written:
    // the owner may answer with other memory than before (copy-on-write), or with the same that is
    // not writable, and the guest takes an abort. Any other change of an answer is between
    // invalidate_begin() and invalidate_end(), which must not be called from here, nor with a lock
    // that this takes. Called from several CPUs at once.
    virtual BackingAnswer extent(std::uint64_t offset, AccessKind access) = 0;

    // For a page beside one that is faulted on, as of a read: what is there without an effort.
    virtual BackingAnswer nearby(std::uint64_t /*offset*/) {
        return std::unexpected(Unbacked::not_yet);
    }

protected:
    Backing() = default;
    Backing(const Backing&) = default;
    Backing& operator=(const Backing&) = default;
    ~Backing() = default; // never deleted through this class
};

} // namespace twofold
