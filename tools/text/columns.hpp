// SPDX-License-Identifier: MIT
// Columns: rows of text, lined up.
#pragma once

#include <string>
#include <vector>

namespace twofold::tool {

enum class Align : unsigned char { left, right };

class Columns {
public:
    explicit Columns(std::vector<Align> alignment) : alignment_{std::move(alignment)} {}

    // As many cells as there are columns, or fewer: the rest is empty.
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }

    // Each line begins with `indent` spaces and ends with a newline, without spaces before it.
    std::string text(unsigned indent = 0) const;

private:
    std::vector<Align> alignment_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace twofold::tool
