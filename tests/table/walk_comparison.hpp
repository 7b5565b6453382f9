// SPDX-License-Identifier: MIT
// compare_walk: whether every access at one address ends as a plain description of the mapping
// says.
#pragma once

#include "interval_map.hpp"

#include <twofold/arch/geometry.hpp>
#include <twofold/model/walker.hpp>

#include <optional>
#include <string>

namespace twofold::test {

// What is wrong with one access, or nothing. `want`: what is mapped there, if anything.
inline std::optional<std::string> judge_access(const model::WalkResult& got, bool allowed,
                                               const std::optional<IntervalMap::Found>& want) {
    const auto faulted = [&](model::FaultKind kind) {
        return got.faulted() && got.fault.kind == kind;
    };
    if (!want) {
        return faulted(model::FaultKind::translation)
                   ? std::nullopt
                   : std::optional<std::string>{"no translation fault where nothing is mapped"};
    }
    if (!want->attributes.access_flag) {
        return faulted(model::FaultKind::access_flag)
                   ? std::nullopt
                   : std::optional<std::string>{"no access flag fault"};
    }
    if (!allowed) {
        return faulted(model::FaultKind::permission)
                   ? std::nullopt
                   : std::optional<std::string>{"no permission fault"};
    }
    if (!got.translated()) {
        return "what is mapped does not translate";
    }
    if (got.translation.pa.value != want->pa) {
        return "another output address";
    }
    const bool device = got.translation.stage2.type == model::MemoryType::device;
    if (device != is_device(want->attributes.type)) {
        return "another memory type";
    }
    const bool write_back = got.translation.stage2.inner == model::Cacheability::write_back;
    if (!device && write_back != (want->attributes.type == MemoryType::normal_wb)) {
        return "another cacheability";
    }
    return std::nullopt;
}

// `config` has no hardware updates: a look must not change what it looks at.
inline std::optional<std::string> compare_walk(const model::WalkConfig& config,
                                               model::MemoryRef memory, Ipa ipa,
                                               const std::optional<IntervalMap::Found>& want) {
    const Permissions p = want ? want->attributes.permissions : Permissions{};
    const bool fetches = want && !is_device(want->attributes.type);
    const struct {
        model::AccessKind kind;
        model::AccessLevel level;
        bool allowed;
        const char* name;
    } accesses[] = {
        {model::AccessKind::load, model::AccessLevel::el1, p.read, "load"},
        {model::AccessKind::store, model::AccessLevel::el0, p.write, "store"},
        {model::AccessKind::fetch, model::AccessLevel::el1, fetches && p.execute_el1,
         "fetch at EL1"},
        {model::AccessKind::fetch, model::AccessLevel::el0, fetches && p.execute_el0,
         "fetch at EL0"},
    };
    for (const auto& access : accesses) {
        const auto got =
            model::walk(config, memory, ipa, {.kind = access.kind, .level = access.level});
        if (const auto wrong = judge_access(got, access.allowed, want)) {
            return *wrong + " (" + access.name + ")";
        }
    }
    return std::nullopt;
}

} // namespace twofold::test
