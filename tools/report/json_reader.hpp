// SPDX-License-Identifier: MIT
// Reading of JSON that anybody may have written: lists of runs are handed over run by run, as they
// are read, and the rest, which is small in every document that the command writes, is kept.
#pragma once

#include "tools/result.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <istream>
#include <string>

namespace twofold::tool {

// An element of a list "runs", and the path of the object that has the list: "", "slots/0",
// "stage2/1/map". It may throw the exceptions of the JSON library.
using TakeRun = std::function<void(const std::string& owner, const nlohmann::ordered_json& run)>;

// The document without its runs. The error says in a line what is wrong with the text.
Result<nlohmann::ordered_json> read_json(std::istream& text, const TakeRun& take_run);

} // namespace twofold::tool
