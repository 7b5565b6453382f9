// SPDX-License-Identifier: MIT
// Lists of words, with commas.
#include "tools/text/list.hpp"

namespace twofold::tool {

std::string wrapped_list(const std::vector<std::string>& words, std::size_t indent,
                         std::size_t width) {
    std::string text;
    std::size_t column = indent;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string word = words[i] + (i + 1 < words.size() ? "," : "");
        if (i != 0 && column + 1 + word.size() > width) {
            text += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (i != 0) {
            text += ' ';
            ++column;
        }
        text += word;
        column += word.size();
    }
    return text;
}

} // namespace twofold::tool
