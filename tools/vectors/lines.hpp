// SPDX-License-Identifier: MIT
// The lines of a text file, compressed with gzip or not.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace twofold::vectors {

// All lines that are not empty; or nothing, and a sentence about what went wrong.
[[nodiscard]] std::optional<std::vector<std::string>> read_lines(const std::string& path,
                                                                 std::string& error);

} // namespace twofold::vectors
