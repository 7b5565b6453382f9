// SPDX-License-Identifier: MIT
// Reading of the hypervisor's report.
#include "tools/run/report.hpp"

#include "tools/text/number.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

// A part of another type than expected is an exception of the JSON library, which parse() catches.
template <class Value>
Value member(const Json& object, const char* name) {
    return object.value(name, Value{});
}

Report::Guest parse_guest(const Json& json) {
    return {
        .name = member<std::string>(json, "name"),
        .state = member<std::string>(json, "state"),
        .reason = member<std::string>(json, "reason"),
        .cpus = member<std::uint64_t>(json, "cpus"),
        .memory_bytes = member<std::uint64_t>(json, "memory_bytes"),
        .extent_bytes = member<std::uint64_t>(json, "extent_bytes"),
        .extents = member<std::uint64_t>(json, "extents"),
        .resets = member<std::uint64_t>(json, "resets"),
    };
}

Report::Shape parse_shape(const Json& json) {
    return {
        .granule_bytes = member<std::uint64_t>(json, "granule_bytes"),
        .ipa_bits = member<unsigned>(json, "ipa_bits"),
        .pa_bits = member<unsigned>(json, "pa_bits"),
        .lpa2 = member<bool>(json, "lpa2"),
        .initial_level = member<Level>(json, "initial_level"),
        .root_tables = member<std::uint64_t>(json, "root_tables"),
        .root_bytes = member<std::uint64_t>(json, "root_bytes"),
        .vtcr = Vtcr{parse_number(member<std::string>(json, "vtcr")).value_or(0)},
    };
}

Report::Mapping parse_mapping(const Json& json) {
    return {
        .level = member<Level>(json, "level"),
        .size = member<std::uint64_t>(json, "size"),
        .count = member<std::uint64_t>(json, "count"),
        .contiguous = member<std::uint64_t>(json, "contiguous"),
    };
}

Report::Choice parse_choice(const Json& json) {
    return {
        .level = member<Level>(json, "level"),
        .limited_by = member<std::string>(json, "limited_by"),
        .count = member<std::uint64_t>(json, "count"),
    };
}

template <class Parse>
auto parse_list(const Json& document, const char* name, Parse parse) {
    std::vector<decltype(parse(document))> list;
    for (const Json& element : member<Json>(document, name)) {
        list.push_back(parse(element));
    }
    return list;
}

// [{"kind": "translation", "count": 3}, ...]
std::vector<Report::Count> parse_counts(const Json& document, const char* list, const char* name) {
    return parse_list(document, list, [name](const Json& json) {
        return Report::Count{member<std::string>(json, name), member<std::uint64_t>(json, "count")};
    });
}

// {"made": 5, ...}
std::vector<Report::Count> parse_object(const Json& document, const char* name) {
    std::vector<Report::Count> counts;
    const auto object = member<Json>(document, name);
    for (const auto& [key, value] : object.items()) {
        counts.push_back({key, value.get<std::uint64_t>()});
    }
    return counts;
}

// Of one guest.
Report parse_report(const Json& document) {
    Report report;
    if (document.contains("guest")) {
        report.guest = parse_guest(document.at("guest"));
    }
    if (document.contains("geometry")) {
        report.geometry = parse_shape(document.at("geometry"));
    }
    report.features =
        parse_list(document, "features", [](const Json& json) { return json.get<std::string>(); });
    report.mappings = parse_list(document, "mappings", parse_mapping);
    report.chosen = parse_list(document, "chosen", parse_choice);
    report.faults = parse_counts(document, "faults", "kind");
    report.outcomes = parse_counts(document, "outcomes", "outcome");
    report.exits = parse_counts(document, "exits", "name");
    report.upkeep = parse_object(document, "upkeep");
    report.events = parse_object(document, "events");
    report.tables = parse_object(document, "tables");
    report.invalidations = parse_object(document, "invalidations");
    report.checks = parse_object(document, "checks");
    report.monitor = parse_object(document, "monitor");
    if (document.contains("time")) {
        const Json& time = document.at("time");
        const auto frequency = member<std::uint64_t>(time, "frequency");
        if (frequency != 0) {
            report.guest_seconds = static_cast<double>(member<std::uint64_t>(time, "ticks")) /
                                   static_cast<double>(frequency);
        }
    }
    return report;
}

} // namespace

Result<Report> Report::parse(const nlohmann::ordered_json& document) {
    try {
        Report report = parse_report(document);
        report.others = parse_list(document, "others", parse_report);
        return report;
    } catch (const Json::exception& error) {
        return Failure{fmt::format("the report has another form: {}", error.what())};
    }
}

} // namespace twofold::tool
