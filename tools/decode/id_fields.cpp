// SPDX-License-Identifier: MIT
// ID registers, field by field.
#include "tools/decode/id_fields.hpp"

#include <fmt/format.h>

namespace twofold::tool {

void read_id_fields(Decoded& decoded, std::span<const IdField> fields) {
    for (const IdField& field : fields) {
        const std::uint64_t value = decoded.value >> field.low & 0xf;
        std::string_view meaning = "reserved";
        if (value == 0xf && !field.minus_one.empty()) {
            meaning = field.minus_one;
        } else if (value < field.meanings.size() && !field.meanings[value].empty()) {
            meaning = field.meanings[value];
        }
        decoded.fields.push_back({.name = field.name,
                                  .high = field.low + 3,
                                  .low = field.low,
                                  .value = value,
                                  .meaning = std::string{meaning}});
        if (meaning == "reserved") {
            decoded.problems.push_back(fmt::format("{} = {} is reserved", field.name, value));
        }
    }
}

} // namespace twofold::tool
