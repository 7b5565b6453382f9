// SPDX-License-Identifier: MIT
// Lists of words, with commas.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace twofold::tool {

// Lines after the first begin with `indent` spaces, and the first one stands behind as many
// columns. No line is longer than `width` unless a single word is. No newline at the end.
std::string wrapped_list(const std::vector<std::string>& words, std::size_t indent,
                         std::size_t width = 96);

} // namespace twofold::tool
