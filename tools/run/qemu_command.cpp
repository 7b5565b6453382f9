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

// With a blank in front.
std::string guest_words(const GuestOptions& guest, std::size_t number) {
    const std::string prefix = number == 0 ? " guest." : fmt::format(" guest{}.", number);
    std::string words;
    const auto add = [&](std::string_view key, const auto& value) {
        words += fmt::format("{}{}={}", prefix, key, value);
    };
    if (number != 0) {
        add("name", guest.name);
    }
    add("memory", size_argument(guest.memory));
    add("extent", size_argument(guest.extent));
    add("ipa", guest.ipa_bits);
    add("granule", granule_words(guest.granule));
    add("cpus", guest.smp);
    if (guest.around) {
        add("around", size_argument(*guest.around));
    }
    if (guest.lpa2) {
        add("lpa2", "on");
    }
    if (guest.prefer == Prefer::fewest_root_pages) {
        add("levels", "most");
    }
    return words;
}

// For QEMU's guest-loader.
void add_module(std::vector<std::string>& command, Pa at, std::string_view kind,
                const std::filesystem::path& file, std::string_view more) {
    command.insert(command.end(),
                   {"-device", fmt::format("guest-loader,addr={:#x},{}={}{}", at.value, kind,
                                           property(file.string()), more)});
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
    std::string words;
    for (std::size_t i = 0; i < options.guests.size(); ++i) {
        words += guest_words(options.guests[i], i);
    }
    return fmt::format("{}{}{}{}{} report=semihosting:{}", words.substr(1),
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
        fmt::format("{}", options.cpus()),
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
    };
    for (std::size_t i = 0; i < options.guests.size(); ++i) {
        const GuestOptions& guest = options.guests[i];
        add_module(command, placement.guests[i].kernel, "kernel", guest.kernel,
                   ",bootargs=" + property(guest.append));
        if (!guest.initrd.empty()) {
            add_module(command, placement.guests[i].initrd, "initrd", guest.initrd, "");
        }
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
