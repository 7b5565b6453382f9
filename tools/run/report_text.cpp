// SPDX-License-Identifier: MIT
// A report as a table.
#include "tools/run/report_text.hpp"

#include "tools/layout/vtcr_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/list.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace twofold::tool {

namespace {

std::string heading(std::string_view words) { return fmt::format("\n{}\n", words); }

std::string guest_text(const Report::Guest& guest) {
    std::string text = fmt::format("guest {}: {}", guest.name, guest.state);
    if (!guest.reason.empty()) {
        text += fmt::format(" ({})", guest.reason);
    }
    text += fmt::format("; {}, {} of memory", counted(guest.cpus, "CPU"),
                        size_words(guest.memory_bytes));
    if (guest.extent_bytes != 0) {
        text += fmt::format(", {} of {}", counted(guest.extents, "extent"),
                            size_words(guest.extent_bytes));
    }
    if (guest.resets != 0) {
        text += fmt::format(", {}", counted(guest.resets, "reset"));
    }
    return text + '\n';
}

std::string shape_text(const Report::Shape& shape) {
    const int levels = page_level - shape.initial_level + 1;
    return heading("stage 2") +
           fmt::format("  {} levels, {} to {}; root of {}, {}\n", levels, shape.initial_level,
                       page_level, counted(shape.root_tables, "table"),
                       size_words(shape.root_bytes)) +
           fmt::format("  VTCR_EL2 = {:#x}\n    {}\n", shape.vtcr.value,
                       wrapped_list(vtcr_summary(shape.vtcr), 4));
}

std::string mappings_text(const Report& report) {
    if (report.mappings.empty()) {
        return heading("mappings") + "  none\n";
    }
    Columns table{{Align::right, Align::right, Align::right, Align::right, Align::right}};
    table.add({"size", "level", "count", "bytes", "contiguous"});
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    for (const Report::Mapping& mapping : report.mappings) {
        table.add({size_words(mapping.size), fmt::format("{}", mapping.level),
                   fmt::format("{}", mapping.count), size_words(mapping.bytes()),
                   fmt::format("{}", mapping.contiguous)});
        count += mapping.count;
        bytes += mapping.bytes();
    }
    table.add({"all", "", fmt::format("{}", count), size_words(bytes), ""});
    return heading("mappings at the end") + table.text(2);
}

// The size that a leaf of a level has, where the granule is known.
std::string level_words(const Report& report, Level level) {
    for (const Granule granule : all_granules) {
        if (report.geometry && report.geometry->granule_bytes == granule_bytes(granule) &&
            level >= 0 && level <= page_level) {
            return size_words(std::uint64_t{1} << level_shift(granule, level));
        }
    }
    return fmt::format("level {}", level);
}

std::string chosen_text(const Report& report) {
    Columns table{{Align::right, Align::right, Align::left}};
    for (const Report::Choice& choice : report.chosen) {
        if (choice.count != 0) {
            table.add({fmt::format("{}", choice.count), level_words(report, choice.level),
                       choice.limited_by});
        }
    }
    return table.empty()
               ? ""
               : heading("sizes chosen, and what stopped the next larger one") + table.text(2);
}

// Of the names in front of the counts: "invalidations" and two spaces.
constexpr std::size_t names_width = 15;

// "12 translation"; a name with bytes in it gets a size: "dcache 1 GiB".
std::string count_words(const Report::Count& count) {
    constexpr std::string_view bytes = "bytes";
    std::string name = count.name;
    std::ranges::replace(name, '_', ' ');
    if (const std::size_t place = name.find(bytes); place != std::string::npos) {
        return name.replace(place, bytes.size(), size_words(count.count));
    }
    return fmt::format("{} {}", count.count, name);
}

std::string counts_words(const std::vector<Report::Count>& counts) {
    std::vector<std::string> words;
    for (const Report::Count& count : counts) {
        if (count.count != 0) {
            words.push_back(count_words(count));
        }
    }
    return words.empty() ? "none" : wrapped_list(words, names_width);
}

std::vector<Report::Count> most_first(std::vector<Report::Count> counts) {
    std::ranges::stable_sort(counts, std::greater{}, &Report::Count::count);
    return counts;
}

std::string time_words(const Report& report, double wall_seconds) {
    return report.guest_seconds ? fmt::format("{:.1f} s, of which the guest ran {:.1f} s",
                                              wall_seconds, *report.guest_seconds)
                                : fmt::format("{:.1f} s", wall_seconds);
}

std::string one_report_text(const Report& report, double wall_seconds) {
    std::string text = "\n";
    if (report.guest) {
        text += guest_text(*report.guest);
    }
    if (report.geometry) {
        text += shape_text(*report.geometry);
    }
    if (!report.features.empty()) {
        text += fmt::format("  with {}\n", wrapped_list(report.features, 7));
    }
    text += mappings_text(report) + chosen_text(report) + '\n';
    const auto add = [&text](std::string_view name, const std::vector<Report::Count>& counts) {
        if (!counts.empty()) {
            text += fmt::format("{:<{}}{}\n", name, names_width, counts_words(counts));
        }
    };
    add("faults", most_first(report.faults));
    add("answered by", most_first(report.outcomes));
    add("upkeep", report.upkeep);
    add("tables", report.tables);
    add("invalidations", report.invalidations);
    if (!report.checks.empty()) {
        std::vector<std::string> words;
        std::ranges::transform(report.checks, std::back_inserter(words), count_words);
        text += fmt::format("{:<{}}{}\n", "checked", names_width, wrapped_list(words, names_width));
    }
    if (std::ranges::any_of(report.monitor, [](const auto& count) { return count.count != 0; })) {
        add("monitor", report.monitor);
    }
    add("exits", most_first(report.exits));
    add("events", report.events);
    text += fmt::format("{:<{}}{}\n", "time", names_width, time_words(report, wall_seconds));
    return text;
}

} // namespace

std::string report_text(const Report& report, double wall_seconds) {
    std::string text = one_report_text(report, wall_seconds);
    for (const Report& other : report.others) {
        text += one_report_text(other, wall_seconds);
    }
    return text;
}

} // namespace twofold::tool
