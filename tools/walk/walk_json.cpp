// SPDX-License-Identifier: MIT
// A walk as JSON; docs/tool.md describes the shape.
#include "tools/walk/leaf_words.hpp"
#include "tools/walk/walk_answer.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }
std::string register_hex(std::uint64_t value) { return fmt::format("{:#018x}", value); }

std::string_view access_name(AccessKind access) {
    switch (access) {
    case AccessKind::read:
        return "read";
    case AccessKind::write:
        return "write";
    case AccessKind::fetch:
        return "fetch";
    }
    return "";
}

std::string_view kind_name(EntryKind kind) {
    switch (kind) {
    case EntryKind::invalid:
        return "invalid";
    case EntryKind::table:
        return "table";
    case EntryKind::block:
        return "block";
    case EntryKind::page:
        return "page";
    }
    return "";
}

Json steps_json(const WalkAnswer& answer) {
    Json steps = Json::array();
    for (const WalkStep& step : answer.steps) {
        Json json{{"level", step.level},
                  {"index", step.index},
                  {"address", hex(step.address.value)},
                  {"descriptor", register_hex(step.descriptor)},
                  {"kind", kind_name(step.kind)}};
        if (step.kind != EntryKind::invalid) {
            json["output"] = hex(step.output.value);
        }
        if (step.kind == EntryKind::block || step.kind == EntryKind::page) {
            json["contiguous"] = step.contiguous;
            json["attributes"] = attributes_json(step.attributes);
        }
        steps.push_back(std::move(json));
    }
    return steps;
}

Json updates_json(const model::WalkResult& result) {
    Json updates = Json::array();
    for (const model::WalkUpdate& update : result.updates) {
        updates.push_back({{"address", hex(update.address.value)},
                           {"before", register_hex(update.before)},
                           {"after", register_hex(update.after)}});
    }
    return updates;
}

Json status_json(const FaultStatus& status) {
    return {{"kind", to_string(status.kind)},
            {"level", status.level ? Json(*status.level) : Json()}};
}

Json translation_json(const model::Translation& translation) {
    return {{"pa", hex(translation.pa.value)},
            {"level", translation.level},
            {"size", translation.size},
            {"contiguous", translation.contiguous}};
}

Json fault_json(const WalkAnswer& answer) {
    const WalkFaultReport& fault = *answer.fault;
    Json json = status_json(fault.status);
    json["esr"] = register_hex(fault.esr | std::uint64_t{fault.iss2} << 32);
    json["iss"] = hex(esr::iss::get(fault.esr));
    json["iss2"] = hex(fault.iss2);
    json["hpfar"] = fault.hpfar ? Json(register_hex(*fault.hpfar)) : Json();
    if (!answer.otherwise) {
        json["otherwise"] = nullptr;
    } else if (answer.otherwise->translated()) {
        json["otherwise"] = {{"translation", translation_json(answer.otherwise->translation)}};
    } else {
        json["otherwise"] = {
            {"fault", status_json(FaultStatus::decode(answer.otherwise->fault.dfsc))}};
    }
    return json;
}

} // namespace

nlohmann::ordered_json walk_json(const Regime& regime, const WalkAnswer& answer) {
    return {
        {"cpu", regime.cpu()},
        {"vtcr", register_hex(regime.config().vtcr)},
        {"vttbr", register_hex(regime.config().vttbr)},
        {"hcr", register_hex(regime.config().hcr)},
        {"ipa", hex(answer.request.ipa.value)},
        {"access", access_name(answer.request.access)},
        {"el", answer.request.level == model::AccessLevel::el0 ? 0 : 1},
        {"steps", steps_json(answer)},
        {"updates", updates_json(answer.result)},
        {"translation", answer.translated() ? translation_json(answer.result.translation) : Json()},
        {"fault", answer.fault ? fault_json(answer) : Json()},
        {"missing", answer.missing ? Json(hex(answer.missing->value)) : Json()},
    };
}

} // namespace twofold::tool
