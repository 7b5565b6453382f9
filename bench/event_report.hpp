// SPDX-License-Identifier: MIT
// The second table: what a guest notices, and how much of it is allowed.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace twofold::bench {

enum class Verdict { within, beyond, incomplete };

// Prints the table and appends to `list`. What is beyond its ceiling, or missing, is named on
// stderr.
Verdict report_events(const std::filesystem::path& folder, nlohmann::json& list);

} // namespace twofold::bench
