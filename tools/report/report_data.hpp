// SPDX-License-Identifier: MIT
// ReportData: what a page shows, whatever it was read from. docs/tool.md describes it as JSON.
#pragma once

#include <twofold/arch/granule.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// What the runs of a space have in common: there are few kinds and many runs.
struct RunKind {
    std::string kind = "leaf"; // or "hole", "invalid", ... as in a map
    std::optional<Level> level = {};
    std::uint64_t entry_bytes = 0; // of one mapping
    bool contiguous = false;
    std::string permissions = {}; // the rest: empty if the input does not say
    std::string type = {};
    std::string shareability = {};
    std::optional<bool> young = {}; // the access flag
    std::string reason = {};        // why it is not larger
    std::string words = {};         // more about it

    bool is_leaf() const { return kind == "leaf"; }
    auto operator<=>(const RunKind&) const = default;
};

struct ReportRun {
    std::uint64_t ipa = 0;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> pa = {};
    std::uint32_t kind = 0; // which of the space's

    std::uint64_t end() const { return ipa + bytes; }
};

struct MappedSize {
    std::optional<Level> level = {};
    std::uint64_t bytes = 0; // of one
    std::uint64_t mapped_bytes = 0;
    std::uint64_t entries = 0;
    std::uint64_t contiguous_bytes = 0; // of the mapped ones
};

// One guest's address space.
struct ReportSpace {
    std::size_t source = 0;
    std::string name = {};
    Granule granule = Granule::k4;
    bool granule_certain = true;
    unsigned ipa_bits = 0;
    bool ipa_bits_certain = true;
    std::optional<unsigned> pa_bits = {};
    std::optional<Level> initial_level = {};
    std::vector<RunKind> kinds = {};
    std::vector<ReportRun> runs = {}; // by address
    std::uint64_t runs_left_out = 0;  // beyond the limit
    std::vector<std::string> notes = {};
    std::vector<std::string> skipped = {}; // what makes no sense or is too much, one line each
};

struct ReportMapped {
    std::size_t source = 0;
    std::string name = {};
    std::vector<MappedSize> sizes = {}; // the largest first
};

struct ReportFaults {
    struct Kind {
        std::string kind;
        std::uint64_t faults = 0;
    };
    struct Size {
        std::uint64_t bytes = 0;
        std::uint64_t faults = 0;
    };
    std::size_t source = 0;
    std::string name = {};
    std::vector<Kind> kinds = {};
    bool by_region = false; // sizes are those of missing entries; else, of what was mapped
    std::vector<Size> sizes = {};
};

struct ReportReasons {
    struct Row {
        std::uint64_t bytes = 0; // of the mapping that was not larger
        std::string reason;
        std::uint64_t amount = 0;
    };
    std::size_t source = 0;
    std::string name = {};
    bool in_bytes = false; // amounts; else they are mappings
    std::vector<Row> rows = {};
};

struct ReportSource {
    struct Fact {
        std::string name;
        std::string value;
    };
    std::string name;
    std::string what; // "twofold map", "KVM's stage2_page_tables", ...
    std::vector<Fact> facts = {};
    std::vector<std::string> notes = {};
};

struct ReportData {
    std::vector<ReportSource> sources;
    std::vector<ReportSpace> spaces;
    std::vector<ReportMapped> mapped;
    std::vector<ReportFaults> faults;
    std::vector<ReportReasons> reasons;

    // Anything but names of files.
    bool empty() const {
        return spaces.empty() && mapped.empty() && faults.empty() && reasons.empty();
    }
};

// A page counts in doubles, which are exact up to 2^53; no address of the architecture has more
// bits than this.
inline constexpr unsigned most_address_bits = 52;

// What a page still draws smoothly, on a machine that is not new.
inline constexpr std::uint64_t most_report_runs = 500'000;

// Text of the JSON, in ASCII.
std::string report_json(const ReportData& data);

} // namespace twofold::tool
