// SPDX-License-Identifier: MIT
// TraceMemory: the words of table memory that a trace has written, and how often they were read.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <map>
#include <optional>

namespace twofold::tool {

class TraceMemory {
public:
    void set(std::uint64_t address, std::uint64_t word) { words_[address] = word; }
    void clear(std::uint64_t address, std::uint64_t bytes) {
        words_.erase(words_.lower_bound(address), words_.lower_bound(address + bytes));
    }
    // Empty where the trace has said nothing, which reads as zero.
    std::optional<std::uint64_t> known(std::uint64_t address) const {
        const auto found = words_.find(address);
        return found == words_.end() ? std::nullopt : std::optional{found->second};
    }
    std::size_t words() const { return words_.size(); }
    std::uint64_t loads() const { return loads_; }

    // As model::MemoryRef wants it.
    std::optional<std::uint64_t> load(Pa pa) {
        ++loads_;
        return known(pa.value).value_or(0);
    }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        const std::uint64_t seen = known(pa.value).value_or(0);
        if (seen == expected) {
            set(pa.value, desired);
        }
        return seen;
    }

private:
    std::map<std::uint64_t, std::uint64_t> words_;
    std::uint64_t loads_ = 0;
};

} // namespace twofold::tool
