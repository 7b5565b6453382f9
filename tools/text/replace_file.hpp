// SPDX-License-Identifier: MIT
// Replacing a file at once, so that who reads it finds the old or the new one and never a part.
#pragma once

#include "tools/result.hpp"

#include <string>
#include <string_view>

namespace twofold::tool {

// By a file beside it, which takes its name; readable by all, as the collectors of metrics need it.
Result<bool> replace_file(const std::string& path, std::string_view text);

} // namespace twofold::tool
