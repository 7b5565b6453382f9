// SPDX-License-Identifier: MIT
// What is known of KVM's tables and faults, as text, as JSON and as OpenMetrics.
#pragma once

#include "tools/kvm/kvm_change.hpp"
#include "tools/kvm/kvm_figures.hpp"
#include "tools/kvm/kvm_source.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

// A table with what is computed of it.
struct KvmTableReport {
    const KvmTable* table = nullptr;
    KvmFigures figures;
    std::optional<KvmChange> change; // since an older dump of the same
};

struct KvmReport {
    std::vector<KvmTableReport> tables;
    const std::vector<NamedTrace>* traces = nullptr;
    std::vector<std::string> gone; // tables that only the older dump has
    std::vector<std::string> notes;
    bool compared = false;
    Granule trace_granule = Granule::k4;
};

std::string_view defect_name(KvmDefect defect); // "wrong_size"
std::string_view columns_words(KvmColumns columns);
// What is wrong with a dump, or must be known to read it; one line each.
std::vector<std::string> dump_notes(const KvmTableReport& report);

std::string kvm_text(const KvmReport& report);
nlohmann::ordered_json kvm_json(const KvmReport& report);
std::string kvm_openmetrics(const KvmReport& report);

std::string trace_text(const NamedTrace& named, Granule granule);
nlohmann::ordered_json trace_json(const NamedTrace& named, Granule granule);

std::string change_text(const KvmChange& change, const KvmFigures& figures);
nlohmann::ordered_json change_json(const KvmChange& change);

} // namespace twofold::tool
