// SPDX-License-Identifier: MIT
// What the report of `twofold run` has for a page.
#include "tools/report/json_fields.hpp"
#include "tools/report/json_source.hpp"
#include "tools/run/report.hpp"
#include "tools/text/number.hpp"
#include "tools/text/printable.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

void add_run_facts(const Report& report, const Json& json, ReportData& data) {
    if (report.guest) {
        const Report::Guest& guest = *report.guest;
        add_fact(data, "guest",
                 printable(guest.name + ", " + guest.state +
                           (guest.reason.empty() ? "" : " (" + guest.reason + ")")));
        add_fact(data, "guest's memory",
                 fmt::format("{} in extents of {}", size_words(guest.memory_bytes),
                             size_words(guest.extent_bytes)));
        add_fact(data, "CPUs", std::to_string(guest.cpus));
    }
    std::string features;
    for (const std::string& feature : report.features) {
        features += (features.empty() ? "" : ", ") + feature;
    }
    add_fact(data, "uses", printable(features));
    if (report.guest_seconds) {
        add_fact(data, "the guest ran", fmt::format("{:.1f} s", *report.guest_seconds));
    }
    if (const auto run = json.find("run"); run != json.end()) {
        add_fact(data, "CPU model", text_at(*run, "cpu"));
        add_fact(data, "command line", text_at(*run, "append"));
    }
}

// The size of a level's leaves, where the granule is known.
std::uint64_t size_of(const std::optional<Granule>& granule, Level level) {
    return granule && level >= -1 && level <= page_level
               ? std::uint64_t{1} << level_shift(*granule, level)
               : 0;
}

// Of one guest, whose runs are those of `owner`.
Result<bool> add_guest(const Json& json, const std::string& owner, RunsByOwner& runs,
                       const std::string& name, ReportData& data) {
    const auto parsed = Report::parse(json);
    if (!parsed) {
        return Failure{parsed.error()};
    }
    const Report& report = *parsed;
    add_run_facts(report, json, data);
    const std::size_t source = data.sources.size() - 1;
    if (runs.contains(owner)) {
        auto space = make_space(json.at("geometry"), "granule_bytes", name);
        if (!space) {
            return Failure{space.error()};
        }
        if (const auto left = number_at(json, "runs_left_out").value_or(0); left != 0) {
            (*space).notes.push_back(
                fmt::format("{} behind the last one are not in the report", counted(left, "run")));
        }
        add_space(std::move(*space), runs[owner], data);
        data.mapped.pop_back(); // the report's own sums leave nothing out
    }
    std::optional<Granule> granule;
    if (report.geometry) {
        granule = parse_granule(std::to_string(report.geometry->granule_bytes));
    }
    if (!report.mappings.empty()) {
        ReportMapped mapped{.source = source, .name = name + ", at the end"};
        for (const Report::Mapping& mapping : report.mappings) {
            mapped.sizes.push_back({.level = mapping.level,
                                    .bytes = mapping.size,
                                    .mapped_bytes = mapping.bytes(),
                                    .entries = mapping.count,
                                    .contiguous_bytes = mapping.size * mapping.contiguous});
        }
        data.mapped.push_back(std::move(mapped));
    }
    ReportFaults faults{.source = source, .name = name};
    for (const Report::Count& fault : report.faults) {
        faults.kinds.push_back({printable(fault.name), fault.count});
    }
    ReasonSums reasons;
    std::map<std::uint64_t, std::uint64_t, std::greater<>> sizes;
    for (const Report::Choice& choice : report.chosen) {
        const std::uint64_t size = size_of(granule, choice.level);
        if (size != 0) {
            sizes[size] += choice.count;
            reasons.add(size, printable(choice.limited_by), choice.count);
        }
    }
    for (const auto& [bytes, count] : sizes) {
        faults.sizes.push_back({bytes, count});
    }
    if (!faults.kinds.empty() || !faults.sizes.empty()) {
        data.faults.push_back(std::move(faults));
    }
    reasons.add_to(data, name, false);
    return true;
}

} // namespace

Result<bool> add_hypervisors_report(const Json& json, RunsByOwner& runs, const std::string& name,
                                    ReportData& data) {
    const Json others = list_at(json, "others");
    const auto name_of = [&](const Json& guest) {
        return others.empty()
                   ? name
                   : fmt::format("{}: {}", name, printable(text_at(guest.at("guest"), "name")));
    };
    auto added = add_guest(json, "", runs, name_of(json), data);
    for (std::size_t i = 0; added && i < others.size(); ++i) {
        added = add_guest(others[i], fmt::format("others/{}", i), runs, name_of(others[i]), data);
    }
    return added;
}

} // namespace twofold::tool
