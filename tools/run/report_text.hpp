// SPDX-License-Identifier: MIT
// A report as the table that ends `twofold run`.
#pragma once

#include "tools/run/report.hpp"

#include <string>

namespace twofold::tool {

// One for each guest, one after the other.
std::string report_text(const Report& report, double wall_seconds);

} // namespace twofold::tool
