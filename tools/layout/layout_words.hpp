// SPDX-License-Identifier: MIT
// A layout as text and as JSON.
#pragma once

#include "tools/layout/layout.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace twofold::tool {

std::string layout_text(const Layout& layout);

// Sizes in bytes, registers as hexadecimal strings:
//   {"cpu": "max", "granule": 4096, "ipa_bits": 40, "pa_bits": 48, "lpa2": false,
//    "initial_level": 1, "root": {"tables": 2, "bytes": 8192},
//    "levels": [{"level": 1, "ipa_high_bit": 39, "ipa_low_bit": 30, "width": 10, "entries": 1024,
//                "entry_bytes": ..., "table": true, "leaf": true, "contiguous_run": 16}, ...],
//    "sizes": [{"bytes": ..., "level": 1, "entries": 16}, ...],
//    "memory": {"bytes": ..., "mappings": [{"bytes": ..., "level": 1, "entries": 4, "tables": 0,
//               "table_bytes": 8192}, ...]},
//    "vtcr": {"value": "0x...", "fields": [{"name": "T0SZ", "high": 5, "low": 0, "value": 24,
//             "meaning": "40-bit IPA"}, ...]},
//    "linux": {"levels": [{"level": 1, "name": "PGD", "folded": ["P4D", "PUD"]}, ...],
//              "blocks": [{"name": "PUD", "bytes": ..., "allowed": true, "reason": "..."}, ...]}}
nlohmann::ordered_json layout_json(const Layout& layout);

} // namespace twofold::tool
