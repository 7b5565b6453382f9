// SPDX-License-Identifier: MIT
// MemorySource: physical memory as tables are read from it, wherever it comes from.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <optional>

namespace twofold::tool {

class MemorySource {
public:
    virtual ~MemorySource() = default;
    // The little-endian word at an aligned address, as the model's walker reads memory; empty
    // where there is nothing to be read.
    virtual std::optional<std::uint64_t> load(Pa pa) = 0;

protected:
    MemorySource() = default;
    MemorySource(MemorySource&&) = default;
    MemorySource& operator=(MemorySource&&) = default;
    MemorySource(const MemorySource&) = default;
    MemorySource& operator=(const MemorySource&) = default;
};

} // namespace twofold::tool
