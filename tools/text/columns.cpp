// SPDX-License-Identifier: MIT
// Lining up of columns.
#include "tools/text/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace twofold::tool {

std::string Columns::text(unsigned indent) const {
    std::vector<std::size_t> widths(alignment_.size());
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const auto& row : rows_) {
        std::string line(indent, ' ');
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += i == 0 ? "" : "  ";
            line += alignment_[i] == Align::left ? fmt::format("{:<{}}", row[i], widths[i])
                                                 : fmt::format("{:>{}}", row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

} // namespace twofold::tool
