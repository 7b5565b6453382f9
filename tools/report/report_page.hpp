// SPDX-License-Identifier: MIT
// The page with its data.
#pragma once

#include "tools/report/report_data.hpp"
#include "tools/result.hpp"

#include <span>
#include <string>
#include <string_view>

namespace twofold::tool {

// Where the data goes in a template.
inline constexpr std::string_view page_data_mark = "@TWOFOLD_DATA@";

// The Failure: this build has no page.
Result<std::string> report_page(const ReportData& data, std::span<const std::string_view> pieces);

// JSON that no HTML parser takes for anything else: it can end no element and begin none.
std::string json_in_html(std::string_view json);

} // namespace twofold::tool
