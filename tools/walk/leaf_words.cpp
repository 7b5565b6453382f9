// SPDX-License-Identifier: MIT
// Wording of leaves.
#include "tools/walk/leaf_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

std::string permission_words(const Permissions& permissions) {
    const char* execute = "-";
    if (permissions.execute_el0 && permissions.execute_el1) {
        execute = "x";
    } else if (permissions.execute()) {
        execute = permissions.execute_el1 ? "x(EL1)" : "x(EL0)";
    }
    return fmt::format("{}{}{}", permissions.read ? "r" : "-", permissions.write ? "w" : "-",
                       execute);
}

std::string attribute_words(const Attributes& attributes) {
    std::string words = fmt::format("{} {} {}", permission_words(attributes.permissions),
                                    to_string(attributes.type), to_string(attributes.shareability));
    words += attributes.access_flag ? "" : ", AF clear";
    words += attributes.dbm ? ", DBM" : "";
    words += attributes.fnxs ? ", FnXS" : "";
    words += attributes.nt ? ", nT" : "";
    if (attributes.software != 0) {
        words += fmt::format(", software bits {:#x}", attributes.software);
    }
    return words;
}

nlohmann::ordered_json attributes_json(const Attributes& attributes) {
    return {{"read", attributes.permissions.read},
            {"write", attributes.permissions.write},
            {"execute_el1", attributes.permissions.execute_el1},
            {"execute_el0", attributes.permissions.execute_el0},
            {"type", to_string(attributes.type)},
            {"shareability", to_string(attributes.shareability)},
            {"access_flag", attributes.access_flag},
            {"dbm", attributes.dbm},
            {"fnxs", attributes.fnxs},
            {"nt", attributes.nt},
            {"software", attributes.software}};
}

} // namespace twofold::tool
