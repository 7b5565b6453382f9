// SPDX-License-Identifier: MIT
// QEMU's arguments.
#include "tools/run/qemu_command.hpp"

#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace twofold::tool {

namespace {

// In a list of properties a comma is written twice.
std::string property(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == ',' ? ",," : std::string(1, c);
    }
    return escaped;
}

// QEMU's default algorithm for pointer authentication makes `max` several times slower.
std::string cpu_model(const std::string& cpu) { return cpu == "max" ? "max,pauth-impdef=on" : cpu; }

std::string trace_words(const RunOptions& options, const HypervisorFiles& files) {
    return options.trace ? fmt::format(" trace=semihosting:{} trace.limit={}", files.trace.string(),
                                       options.trace_limit)
                         : "";
}

bool is_plain(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view{"-_./=,:+@%"}.contains(c);
}

} // namespace

std::string hypervisor_words(const RunOptions& options, const HypervisorFiles& files) {
    // A word of the command line has no blanks; a comma is as good as one in a script.
    std::string script = options.monitor_script;
    std::ranges::replace_if(
        script, [](unsigned char c) { return std::isspace(c) != 0; }, ',');
    return fmt::format("guest.memory={} guest.extent={} guest.ipa={} guest.granule={} "
                       "guest.cpus={}{}{}{}{}{}{}{} report=semihosting:{}",
                       size_argument(options.memory), size_argument(options.extent),
                       options.ipa_bits, granule_words(options.granule), options.smp,
                       options.around ? " guest.around=" + size_argument(*options.around) : "",
                       options.lpa2 ? " guest.lpa2=on" : "",
                       options.prefer == Prefer::fewest_root_pages ? " guest.levels=most" : "",
                       script.empty() ? "" : " monitor.script=", script,
                       options.monitor_calls ? " monitor.calls=on" : "",
                       trace_words(options, files), files.report.string());
}

std::vector<std::string> qemu_command(const RunOptions& options, const Placement& placement,
                                      const HypervisorFiles& files) {
    std::vector<std::string> command = {
        options.qemu,
        "-M",
        "virt,virtualization=on,gic-version=3",
        "-cpu",
        cpu_model(options.cpu),
        "-smp",
        fmt::format("{}", options.smp),
        "-m",
        size_argument(placement.machine_memory),
        "-nic",
        "none",
        // Not -nographic: it would give the monitor a part of what is typed.
        "-display",
        "none",
        "-monitor",
        "none",
        "-serial",
        "stdio",
        "-semihosting-config",
        "enable=on,target=native",
        "-kernel",
        options.hypervisor.string(),
        "-append",
        hypervisor_words(options, files),
        "-device",
        fmt::format("guest-loader,addr={:#x},kernel={},bootargs={}", placement.kernel.value,
                    property(options.kernel.string()), property(options.append)),
    };
    if (!options.initrd.empty()) {
        command.insert(command.end(), {"-device", fmt::format("guest-loader,addr={:#x},initrd={}",
                                                              placement.initrd.value,
                                                              property(options.initrd.string()))});
    }
    return command;
}

std::string shell_words(const std::vector<std::string>& command) {
    std::string line;
    for (const std::string& word : command) {
        line += line.empty() ? "" : " ";
        if (!word.empty() && std::ranges::all_of(word, is_plain)) {
            line += word;
            continue;
        }
        line += '\'';
        for (const char c : word) {
            line += c == '\'' ? "'\\''" : std::string(1, c);
        }
        line += '\'';
    }
    return line;
}

} // namespace twofold::tool
