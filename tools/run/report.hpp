// SPDX-License-Identifier: MIT
// Report: what the hypervisor says at the end of a guest, read from its JSON.
#pragma once

#include "tools/result.hpp"

#include <twofold/arch/granule.hpp>
#include <twofold/arch/vtcr.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// The form of the JSON. Every part may be missing and is then not shown; unknown parts are left
// alone. Numbers are plain, registers are strings in hexadecimal. Kinds, reasons and so on are
// named as the library's to_string() does.
//
//   {"version": 1,
//    "guest": {"name": "linux", "state": "powered off", "reason": "", "cpus": 2,
//              "memory_bytes": 1073741824, "extent_bytes": 1073741824, "extents": 1, "resets": 0},
//    "geometry": {"granule_bytes": 4096, "ipa_bits": 40, "pa_bits": 48, "lpa2": false,
//                 "initial_level": 1, "root_tables": 2, "root_bytes": 8192, "vtcr": "0x806d3558"},
//    "features": ["fwb", "xnx"],
//    "mappings": [{"level": 1, "size": 1073741824, "count": 1, "contiguous": 0}],
//    "runs": [{"ipa": "0x40000000", "size": 1073741824, ...}], "runs_left_out": 0,
//    "faults": [{"kind": "translation", "count": 3}],
//    "outcomes": [{"outcome": "resume", "count": 3}],
//    "chosen": [{"level": 1, "limited_by": "geometry", "count": 1}],
//    "upkeep": {"lost_races": 0, "dcache_bytes": 1073741824},
//    "tables": {"live": 3, "made": 5, "freed": 2, "blocks_split": 0, "breaks": 1},
//    "invalidations": {"tlbi_by_ipa": 12, "dsb": 9},
//    "checks": {"events": 98125, "reports": 0},
//    "monitor": {"commands": 9, "pages_harvested": 2621, "blocks_restored": 1},
//    "exits": [{"class": 36, "name": "data abort", "count": 10}],
//    "events": {"interrupts": 100, "mmio_reads": 7},
//    "time": {"ticks": 250000000, "frequency": 62500000},
//    "others": [...]}
//
// "contiguous" is how many of the mappings' descriptors have the Contiguous bit. "runs" are as in
// the JSON of `twofold map`, and for `twofold report`. "others" is there if there was more than one
// guest: of each other one a document like this.
struct Report {
    struct Guest {
        std::string name;
        std::string state;
        std::string reason; // why it was stopped
        std::uint64_t cpus = 0;
        std::uint64_t memory_bytes = 0;
        std::uint64_t extent_bytes = 0;
        std::uint64_t extents = 0; // in use
        std::uint64_t resets = 0;
    };
    struct Shape {
        std::uint64_t granule_bytes = 0;
        unsigned ipa_bits = 0;
        unsigned pa_bits = 0;
        bool lpa2 = false;
        Level initial_level = 0;
        std::uint64_t root_tables = 0;
        std::uint64_t root_bytes = 0;
        Vtcr vtcr;
    };
    struct Mapping {
        Level level = 0;
        std::uint64_t size = 0; // of one
        std::uint64_t count = 0;
        std::uint64_t contiguous = 0;

        std::uint64_t bytes() const { return size * count; }
    };
    struct Choice {
        Level level = 0;
        std::string limited_by;
        std::uint64_t count = 0;
    };
    struct Count {
        std::string name;
        std::uint64_t count = 0;
    };

    std::optional<Guest> guest;
    std::optional<Shape> geometry;
    std::vector<std::string> features;
    std::vector<Mapping> mappings;
    std::vector<Count> faults;
    std::vector<Count> outcomes;
    std::vector<Choice> chosen;
    std::vector<Count> upkeep;
    std::vector<Count> tables;
    std::vector<Count> invalidations;
    std::vector<Count> checks;  // of a checked build: with no report, too
    std::vector<Count> monitor; // what its commands have done
    std::vector<Count> exits;
    std::vector<Count> events;
    std::optional<double> guest_seconds;
    std::vector<Report> others; // which have none themselves

    // An error says in one line what is wrong with the document.
    static Result<Report> parse(const nlohmann::ordered_json& document);
};

} // namespace twofold::tool
