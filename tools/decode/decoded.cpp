// SPDX-License-Identifier: MIT
// Decoded values as text and as JSON.
#include "tools/decode/decoded.hpp"

#include "tools/text/columns.hpp"

#include <fmt/format.h>

namespace twofold::tool {

void Decoded::check_res0(std::uint64_t reserved, std::string_view which) {
    if ((value & reserved) != 0) {
        problems.push_back(fmt::format("{} set: {}", bit_ranges(value & reserved), which));
    }
}

std::string decoded_text(const Decoded& decoded) {
    Columns table{{Align::right, Align::left, Align::right, Align::left}};
    for (const RegisterField& field : decoded.fields) {
        // What is more than a number to count with is easier to read in hexadecimal.
        table.add({field.bits(), std::string{field.name},
                   field.high - field.low >= 8 ? fmt::format("{:#x}", field.value)
                                               : fmt::format("{}", field.value),
                   field.meaning});
    }
    std::string text = fmt::format("{} = {:#018x}", decoded.name, decoded.value);
    text += decoded.summary.empty() ? "\n" : ": " + decoded.summary + '\n';
    text += table.text(2);
    for (const std::string& problem : decoded.problems) {
        text += "wrong: " + problem + '\n';
    }
    for (const std::string& note : decoded.notes) {
        text += "note: " + note + '\n';
    }
    return text;
}

nlohmann::ordered_json fields_json(const std::vector<RegisterField>& fields) {
    auto json = nlohmann::ordered_json::array();
    for (const RegisterField& field : fields) {
        json.push_back({{"name", field.name},
                        {"high", field.high},
                        {"low", field.low},
                        {"value", field.value},
                        {"meaning", field.meaning}});
    }
    return json;
}

nlohmann::ordered_json decoded_json(const Decoded& decoded) {
    return {{"name", decoded.name},         {"value", fmt::format("{:#018x}", decoded.value)},
            {"summary", decoded.summary},   {"fields", fields_json(decoded.fields)},
            {"problems", decoded.problems}, {"notes", decoded.notes}};
}

} // namespace twofold::tool
