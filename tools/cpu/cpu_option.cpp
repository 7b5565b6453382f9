// SPDX-License-Identifier: MIT
// The option with the names of all CPU models.
#include "tools/cpu/cpu_option.hpp"

#include "tools/command.hpp"

namespace twofold::tool {

namespace {

std::string cpu_names() {
    std::string names;
    for (const KnownCpu& cpu : known_cpus()) {
        names += (names.empty() ? "" : ", ") + std::string{cpu.name};
    }
    return names;
}

} // namespace

void add_cpu_option(CLI::App& command, const KnownCpu*& cpu) {
    cpu = known_cpus().data();
    add_parsed(
        command, "--cpu", cpu,
        [](const std::string& text) {
            const KnownCpu* const found = find_cpu(text);
            return found != nullptr ? std::optional{found} : std::nullopt;
        },
        "one of " + cpu_names(), "whose ID registers are used (everything)");
}

} // namespace twofold::tool
