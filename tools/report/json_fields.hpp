// SPDX-License-Identifier: MIT
// Members of JSON objects that may be missing or null, which is the same here. What is of another
// type is an exception of the JSON library.
#pragma once

#include <twofold/arch/granule.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// Safe to print; empty if there is none.
std::string text_at(const nlohmann::ordered_json& json, const char* key);
std::vector<std::string> texts_at(const nlohmann::ordered_json& json, const char* key);
std::optional<std::uint64_t> number_at(const nlohmann::ordered_json& json, const char* key);
// A string, as addresses are.
std::optional<std::uint64_t> address_at(const nlohmann::ordered_json& json, const char* key);
// One that the architecture has.
std::optional<Level> level_at(const nlohmann::ordered_json& json, const char* key);
nlohmann::ordered_json list_at(const nlohmann::ordered_json& json, const char* key);

} // namespace twofold::tool
