// SPDX-License-Identifier: MIT
// Arguments of keys and values.
#include "tools/text/key_values.hpp"

#include "tools/text/number.hpp"

#include <algorithm>

namespace twofold::tool {

namespace {

// Up to the next single comma, which stays.
std::string take_part(std::string_view& text) {
    std::string part;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == ',') {
            if (at + 1 == text.size() || text[at + 1] != ',') {
                break;
            }
            ++at;
        }
        part += text[at];
    }
    text.remove_prefix(at);
    return part;
}

} // namespace

KeyValues::KeyValues(std::string_view text) {
    while (true) {
        const std::string part = take_part(text);
        const std::size_t equals = part.find('=');
        Part one{.key = part.substr(0, equals), .value = {}};
        if (equals != std::string::npos) {
            one.value = part.substr(equals + 1);
        }
        parts_.push_back(std::move(one));
        if (text.empty()) {
            return;
        }
        text.remove_prefix(1);
    }
}

std::optional<std::string> KeyValues::text(std::string_view key) {
    std::optional<std::string> text;
    for (Part& part : parts_) {
        if (part.key == key && part.value) {
            part.taken = true;
            text = part.value;
        }
    }
    return text;
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
