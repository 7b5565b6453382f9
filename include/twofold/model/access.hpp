// SPDX-License-Identifier: MIT
// One access of a guest as stage 2 sees it: after stage 1, which said what the memory is.
#pragma once

#include <twofold/model/memory_attributes.hpp>

#include <cstdint>

namespace twofold::model {

enum class AccessKind : std::uint8_t {
    load,
    store,
    fetch,
    stage1_walk,   // read of a stage-1 descriptor
    stage1_update, // hardware update of a stage-1 descriptor
    atomic,        // reads and writes
    at_read,       // AT S12E1R and the like
    at_write,      // AT S12E1W and the like
    dc_zva,
    rcw, // read-check-write atomics of FEAT_THE
};

enum class AccessLevel : std::uint8_t { el0, el1 };

struct Access {
    AccessKind kind = AccessKind::load;
    AccessLevel level = AccessLevel::el1;
    MemoryAttributes stage1 = normal_write_back;
    bool aligned = true;
};

constexpr bool is_stage1_walk(const Access& access) {
    return access.kind == AccessKind::stage1_walk || access.kind == AccessKind::stage1_update;
}

constexpr bool is_address_translation(const Access& access) {
    return access.kind == AccessKind::at_read || access.kind == AccessKind::at_write;
}

constexpr bool reads(const Access& access) {
    switch (access.kind) {
    case AccessKind::load:
    case AccessKind::stage1_walk:
    case AccessKind::stage1_update:
    case AccessKind::atomic:
    case AccessKind::at_read:
    case AccessKind::rcw:
        return true;
    default:
        return false;
    }
}

constexpr bool writes(const Access& access) {
    switch (access.kind) {
    case AccessKind::store:
    case AccessKind::stage1_update:
    case AccessKind::atomic:
    case AccessKind::at_write:
    case AccessKind::dc_zva:
    case AccessKind::rcw:
        return true;
    default:
        return false;
    }
}

} // namespace twofold::model
