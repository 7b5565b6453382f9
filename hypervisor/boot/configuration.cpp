// SPDX-License-Identifier: MIT
// Parsing of the command line.
#include "boot/configuration.hpp"

#include "monitor/script.hpp"
#include "runtime/number.hpp"

#include <bit>

namespace twofold::hyp {

namespace {

// A file of the host.
bool apply_path(std::array<char, 256>& path, std::string_view value) {
    constexpr std::string_view prefix = "semihosting:";
    if (!value.starts_with(prefix))
        return false;
    value.remove_prefix(prefix.size());
    if (value.empty() || value.size() >= path.size())
        return false;
    path = {};
    value.copy(path.data(), value.size());
    return true;
}

bool apply_report(Configuration& c, std::string_view value) {
    if (value == "none") {
        c.report = ReportTarget::none;
    } else if (value == "console") {
        c.report = ReportTarget::console;
    } else if (apply_path(c.report_path, value)) {
        c.report = ReportTarget::semihosting;
    } else {
        return false;
    }
    return true;
}

bool apply_trace(Configuration& c, std::string_view value) {
    if (value == "none") {
        c.trace_path = {};
        return true;
    }
    return apply_path(c.trace_path, value);
}

bool apply_granule(Configuration& c, std::string_view value) {
    if (value == "4K")
        c.granule = Granule::k4;
    else if (value == "16K")
        c.granule = Granule::k16;
    else if (value == "64K")
        c.granule = Granule::k64;
    else
        return false;
    return true;
}

bool apply_number(Configuration& c, std::string_view name, std::uint64_t number) {
    if (name == "guest.memory" && number != 0 && is_aligned(number, 2 * MiB)) {
        c.memory = number;
    } else if (name == "guest.base" && number != 0 && is_aligned(number, GiB)) {
        c.base = Ipa{number};
    } else if (name == "guest.cpus" && number >= 1 && number <= 8) {
        c.cpus = static_cast<unsigned>(number);
    } else if (name == "guest.extent" && std::has_single_bit(number) && number >= 4 * KiB &&
               number <= GiB) {
        c.extent = number;
    } else if (name == "guest.around" && std::has_single_bit(number) && number >= 4 * KiB &&
               number <= 2 * MiB) {
        c.around = number;
    } else if (name == "guest.ipa" && number >= 16 && number <= 52) {
        c.ipa_bits = static_cast<unsigned>(number);
    } else if (name == "trace.limit" && number != 0) {
        c.trace_limit = number;
    } else {
        return false;
    }
    return true;
}

bool apply(Configuration& c, std::string_view name, std::string_view value) {
    if (name == "guest.name") {
        c.name = value;
        return !value.empty();
    }
    if (name == "guest.granule")
        return apply_granule(c, value);
    if (name == "guest.lpa2" && (value == "on" || value == "off")) {
        c.lpa2 = value == "on";
        return true;
    }
    if (name == "guest.levels" && (value == "fewest" || value == "most")) {
        c.prefer = value == "most" ? Prefer::fewest_root_pages : Prefer::fewest_levels;
        return true;
    }
    if (name == "report")
        return apply_report(c, value);
    if (name == "trace")
        return apply_trace(c, value);
    if (name == "monitor.script") {
        c.monitor_script = value;
        return Script::first_mistake(value).empty();
    }
    if (name == "monitor.calls") {
        c.monitor_calls = value == "on";
        return value == "on" || value == "off";
    }
    const auto number = parse_number(value);
    return number && apply_number(c, name, *number);
}

} // namespace

std::expected<Configuration, std::string_view> Configuration::parse(std::string_view command_line) {
    Configuration configuration;
    while (!command_line.empty()) {
        const std::string_view word = command_line.substr(0, command_line.find(' '));
        command_line.remove_prefix(word.size());
        while (command_line.starts_with(' '))
            command_line.remove_prefix(1);
        if (word.empty())
            continue;
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos ||
            !apply(configuration, word.substr(0, equals), word.substr(equals + 1)))
            return std::unexpected(word);
    }
    return configuration;
}

} // namespace twofold::hyp
