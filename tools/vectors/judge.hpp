// SPDX-License-Identifier: MIT
// Runs the model on a vector and says where they differ.
#pragma once

#include <twofold/model/memory_attributes.hpp>
#include <twofold/model/walk_result.hpp>

#include <tools/vectors/vector.hpp>

#include <cstdint>
#include <string>

namespace twofold::vectors {

enum class Verdict : std::uint8_t { passed, failed, skipped };

struct Judgement {
    Verdict verdict = Verdict::passed;
    std::string why{}; // each difference, or the reason for which the model refused
};

[[nodiscard]] Judgement judge(const Vector& vector);

// A memory type in the encoding of the vectors.
[[nodiscard]] std::uint64_t encode(const model::MemoryAttributes& attributes);

} // namespace twofold::vectors
