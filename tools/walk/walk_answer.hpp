// SPDX-License-Identifier: MIT
// WalkAnswer: everything that `twofold walk` says about one access, as data.
#pragma once

#include "tools/memory/memory_source.hpp"
#include "tools/result.hpp"
#include "tools/walk/regime.hpp"

#include <twofold/arch/abort.hpp>
#include <twofold/arch/descriptor.hpp>
#include <twofold/model/access.hpp>
#include <twofold/model/walk_result.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct WalkRequest {
    Ipa ipa;
    AccessKind access = AccessKind::read;
    model::AccessLevel level = model::AccessLevel::el1;
};

// One descriptor on the way.
struct WalkStep {
    Level level = 0;
    Pa address;         // of the descriptor
    unsigned index = 0; // in its table; at the initial level, in all concatenated tables
    std::uint64_t descriptor = 0;
    EntryKind kind = EntryKind::invalid;
    Pa output;             // of a table: the next one; of a leaf: what the descriptor itself holds
    Attributes attributes; // of a leaf
    bool contiguous = false;
};

// What the CPU reports. HPFAR_EL2 is UNKNOWN where it is empty.
struct WalkFaultReport {
    std::uint64_t esr = 0;
    std::uint32_t iss2 = 0;
    std::optional<std::uint64_t> hpfar;
    FaultStatus status;
};

struct WalkAnswer {
    WalkRequest request;
    std::vector<WalkStep> steps;
    model::WalkResult result;
    // The word that would be next, but is not in the image: the walk cannot be followed further.
    std::optional<Pa> missing;
    std::optional<WalkFaultReport> fault;
    // The fault is a choice of the implementation: where it chooses otherwise, this comes out.
    std::optional<model::WalkResult> otherwise;

    bool translated() const { return result.translated(); }
};

// A Failure if the model does not speak for these registers.
Result<WalkAnswer> answer_walk(const Regime& regime, MemorySource& memory,
                               const WalkRequest& request);

std::string walk_text(const Regime& regime, const WalkAnswer& answer);
nlohmann::ordered_json walk_json(const Regime& regime, const WalkAnswer& answer);

} // namespace twofold::tool
