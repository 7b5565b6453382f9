// SPDX-License-Identifier: MIT
// Arguments of keys and values.
#include "tools/text/key_values.hpp"

#include "tools/text/number.hpp"

#include <algorithm>

namespace twofold::tool {

KeyValues::KeyValues(std::string_view text) {
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view part = text.substr(0, comma);
        const std::size_t equals = part.find('=');
        Part one{.key = std::string{part.substr(0, equals)}, .value = {}};
        if (equals != std::string_view::npos) {
            one.value = std::string{part.substr(equals + 1)};
        }
        parts_.push_back(std::move(one));
        if (comma == std::string_view::npos) {
            return;
        }
        text.remove_prefix(comma + 1);
    }
}

std::optional<std::uint64_t> KeyValues::number(std::string_view key) {
    std::optional<std::uint64_t> number;
    for (Part& part : parts_) {
        if (part.key == key && part.value) {
            part.taken = true;
            number = parse_number(*part.value);
            good_ = good_ && number.has_value();
        }
    }
    return number;
}

bool KeyValues::flag(std::string_view word) {
    bool found = false;
    for (Part& part : parts_) {
        if (part.key == word && !part.value) {
            part.taken = true;
            found = true;
        }
    }
    return found;
}

bool KeyValues::is_done() const { return good_ && std::ranges::all_of(parts_, &Part::taken); }

} // namespace twofold::tool
