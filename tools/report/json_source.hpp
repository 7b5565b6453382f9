// SPDX-License-Identifier: MIT
// What the command's own JSON has for a page: of run, map, attach map, kvm and explain. The parts
// of it throw the exceptions of the JSON library where it has another form.
#pragma once

#include "tools/report/report_data.hpp"
#include "tools/report/space_runs.hpp"
#include "tools/result.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace twofold::tool {

// By the path of the object whose runs they are; those of all slots of an explanation are together,
// under "slots".
using RunsByOwner = std::map<std::string, SpaceRuns>;

// A run of a map or of an explanation.
void add_run(SpaceRuns& runs, const nlohmann::ordered_json& json);

// A document whose runs were taken out. Throws nothing; the error says what was expected.
Result<bool> add_document(const nlohmann::ordered_json& document, RunsByOwner& runs,
                          const std::string& name, ReportData& data);

// By its kind: the source is the last one of the data.
Result<bool> add_explanation(const nlohmann::ordered_json& json, RunsByOwner& runs,
                             const std::string& name, ReportData& data);
Result<bool> add_hypervisors_report(const nlohmann::ordered_json& json, RunsByOwner& runs,
                                    const std::string& name, ReportData& data);
void add_kvm_document(const nlohmann::ordered_json& json, ReportData& data);

// A table's shape, which map, explain and run have under nearly the same names.
Result<ReportSpace> make_space(const nlohmann::ordered_json& table, const char* granule_key,
                               std::string name);
void add_space(ReportSpace space, SpaceRuns& runs, ReportData& data);
void add_fact(ReportData& data, std::string name, std::string value);

// How many mappings, or bytes of them, are not larger for a reason, by size.
class ReasonSums {
public:
    void add(std::uint64_t size, const std::string& reason, std::uint64_t amount) {
        sums_[{size, reason}] += amount;
    }
    void add_to(ReportData& data, const std::string& name, bool in_bytes) const;

private:
    // The largest size first.
    std::map<std::pair<std::uint64_t, std::string>, std::uint64_t, std::greater<>> sums_;
};

} // namespace twofold::tool
