// SPDX-License-Identifier: MIT
// The lines of a text file, compressed with gzip or not.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace twofold::vectors {

// All lines that are not empty, or a sentence about what went wrong.
[[nodiscard]] std::expected<std::vector<std::string>, std::string>
read_lines(const std::string& path);

} // namespace twofold::vectors
