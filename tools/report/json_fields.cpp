// SPDX-License-Identifier: MIT
// Looking at members.
#include "tools/report/json_fields.hpp"

#include "tools/text/number.hpp"
#include "tools/text/printable.hpp"

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

// The member, or nullptr.
const Json* member(const Json& json, const char* key) {
    const auto place = json.find(key);
    return place == json.end() || place->is_null() ? nullptr : &*place;
}

} // namespace

std::string text_at(const Json& json, const char* key) {
    const Json* const value = member(json, key);
    return value == nullptr ? std::string{} : printable(value->get<std::string>());
}

std::vector<std::string> texts_at(const Json& json, const char* key) {
    std::vector<std::string> texts;
    for (const Json& text : list_at(json, key)) {
        texts.push_back(printable(text.get<std::string>()));
    }
    return texts;
}

std::optional<std::uint64_t> number_at(const Json& json, const char* key) {
    const Json* const value = member(json, key);
    return value == nullptr ? std::nullopt : std::optional{value->get<std::uint64_t>()};
}

std::optional<std::uint64_t> address_at(const Json& json, const char* key) {
    const Json* const value = member(json, key);
    return value == nullptr ? std::nullopt : parse_number(value->get<std::string>());
}

std::optional<Level> level_at(const Json& json, const char* key) {
    const Json* const value = member(json, key);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto level = value->get<std::int64_t>();
    return level >= -1 && level <= page_level ? std::optional{static_cast<Level>(level)}
                                              : std::nullopt;
}

Json list_at(const Json& json, const char* key) {
    const Json* const value = member(json, key);
    return value == nullptr ? Json::array() : *value;
}

} // namespace twofold::tool
