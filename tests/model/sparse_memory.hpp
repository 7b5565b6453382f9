// SPDX-License-Identifier: MIT
// Zeroed memory that keeps the words written to it, with holes that answer with an abort.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace twofold::model::testing {

class SparseMemory {
public:
    void set(std::uint64_t address, std::uint64_t word) { words_[address] = word; }
    void punch(std::uint64_t address) { holes_.insert(address); }
    [[nodiscard]] std::uint64_t at(std::uint64_t address) const {
        const auto found = words_.find(address);
        return found == words_.end() ? 0 : found->second;
    }

    // Runs before each compare_exchange, as another CPU would.
    std::function<void(SparseMemory&)> before_exchange{};

    std::optional<std::uint64_t> load(Pa pa) const {
        return holes_.contains(pa.value) ? std::nullopt : std::optional{at(pa.value)};
    }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        if (before_exchange) {
            before_exchange(*this);
        }
        const std::uint64_t seen = at(pa.value);
        if (seen == expected) {
            set(pa.value, desired);
        }
        return seen;
    }

private:
    std::map<std::uint64_t, std::uint64_t> words_{};
    std::set<std::uint64_t> holes_{};
};

} // namespace twofold::model::testing
