// SPDX-License-Identifier: MIT
// Names out of files that anybody may have written, made safe to print.
#pragma once

#include <string>
#include <string_view>

namespace twofold::tool {

// Valid UTF-8 without control characters: whatever else there is becomes "?".
std::string printable(std::string_view text);

} // namespace twofold::tool
