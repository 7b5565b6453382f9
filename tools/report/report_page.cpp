// SPDX-License-Identifier: MIT
// Putting data into the template.
#include "tools/report/report_page.hpp"

namespace twofold::tool {

// In JSON these can only be within strings, where an escape is as good.
std::string json_in_html(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    for (const char c : json) {
        switch (c) {
        case '<':
            text += "\\u003c";
            break;
        case '>':
            text += "\\u003e";
            break;
        case '&':
            text += "\\u0026";
            break;
        default:
            text += c;
        }
    }
    return text;
}

Result<std::string> report_page(const ReportData& data, std::span<const std::string_view> pieces) {
    std::string page;
    for (const std::string_view piece : pieces) {
        page += piece;
    }
    const std::size_t mark = page.find(page_data_mark);
    if (mark == std::string::npos) {
        return Failure{"this build has no page to fill: expected that scripts/web.sh, which needs "
                       "npm, was run before the build (--json needs none)"};
    }
    page.replace(mark, page_data_mark.size(), json_in_html(report_json(data)));
    return page;
}

} // namespace twofold::tool
