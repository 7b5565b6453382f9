// SPDX-License-Identifier: MIT
// One translation vector: a configuration, an access, the memory it meets, and what must come out.
#pragma once

#include <twofold/model/access.hpp>
#include <twofold/model/walk_config.hpp>
#include <twofold/model/walk_fault.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::vectors {

struct Word {
    std::uint64_t address = 0;
    std::uint64_t value = 0; // little-endian, as the memory has it

    friend bool operator==(const Word&, const Word&) = default;
};

struct ExpectedFault {
    model::FaultKind kind{};
    int level = 0;
    std::uint64_t dfsc = 0;
    std::uint64_t iss = 0;
    std::uint64_t iss2 = 0;
    bool ipa_valid = false;
    std::uint64_t hpfar = 0;
};

struct ExpectedTranslation {
    std::uint64_t pa = 0;
    int level = 0;
    bool contiguous = false;
    std::uint64_t descriptor = 0;
    std::uint64_t stage2 = 0;     // memory type in the encoding of the vectors
    std::uint64_t attributes = 0; // likewise
};

struct Vector {
    model::WalkConfig config{};
    Ipa ipa{};
    model::Access access{};
    std::vector<Word> memory{}; // what the walk reads, in order
    std::vector<Word> writes{}; // what the walk updates, in order
    // One of the two is there.
    std::optional<ExpectedFault> fault{};
    std::optional<ExpectedTranslation> translation{};
};

// A vector from its line of JSON; or nothing, and a sentence about what is wrong with the line.
[[nodiscard]] std::optional<Vector> parse_vector(std::string_view line, std::string& error);

} // namespace twofold::vectors
