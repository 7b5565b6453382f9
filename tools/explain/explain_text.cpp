// SPDX-License-Identifier: MIT
// Explanations as text.
#include "tools/explain/explain.hpp"
#include "tools/explain/limit_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace twofold::tool {

namespace {

constexpr std::size_t shown_runs = 20;

std::string table_words(const Geometry& geometry) {
    return fmt::format("table: {} granule, {}-bit IPA, from level {}{}",
                       granule_words(geometry.granule()), geometry.ipa_bits(),
                       geometry.initial_level(), geometry.lpa2() ? ", LPA2" : "");
}

std::string slot_words(const GuestSlot& slot) {
    std::string text = fmt::format("slot {:#x}..{:#x}, {}", slot.range.start.value,
                                   slot.range.end().value - 1, size_words(slot.range.length));
    text += slot.pa ? fmt::format(", memory at PA {:#x}", slot.pa->value)
                    : fmt::format(", memory of {}", counted(slot.extents.size(), "extent"));
    text += slot.piece != 0 ? fmt::format(" in pieces of {}", size_words(slot.piece)) : "";
    text += slot.read_only ? ", read-only" : "";
    text += slot.device ? ", device memory" : "";
    text += slot.dirty_logging ? ", dirty logging" : "";
    return text;
}

std::string_view noun(const Geometry& geometry, std::uint64_t size) {
    return size == geometry.page_size() ? "page" : "block";
}

// "2 GiB in 1024 blocks of 2 MiB"
std::string total_words(const Geometry& geometry, std::uint64_t bytes, std::uint64_t size) {
    return fmt::format("{} in {} of {}", size_words(bytes),
                       counted(bytes / size, noun(geometry, size)), size_words(size));
}

std::string run_words(const Geometry& geometry, const MappedRun& run) {
    if (!run.backed) {
        return "nothing: there is no memory";
    }
    if (run.size == 0) {
        return "nothing: " + limit_words(geometry, run.limit);
    }
    return counted(run.length / run.size, noun(geometry, run.size)) + " of " + size_words(run.size);
}

std::string runs_text(const Geometry& geometry, const SlotRuns& runs) {
    Columns table{{Align::left, Align::left, Align::right, Align::left, Align::left, Align::left}};
    table.add({"from", "to", "length", "at PA", "mapped as", "not larger because"});
    for (std::size_t i = 0; i < runs.runs.size() && i < shown_runs; ++i) {
        const MappedRun& run = runs.runs[i];
        table.add({fmt::format("{:#x}", run.ipa.value),
                   fmt::format("{:#x}", run.ipa.value + run.length - 1), size_words(run.length),
                   run.size != 0 ? fmt::format("{:#x}", run.pa.value) : "-",
                   run_words(geometry, run),
                   run.size != 0 ? limit_summary(geometry, run.limit) : ""});
    }
    std::string text = table.text(2);
    const std::uint64_t more =
        runs.left_out + (runs.runs.size() > shown_runs ? runs.runs.size() - shown_runs : 0);
    return more == 0 ? text : text + fmt::format("  and {}\n", counted(more, "more run"));
}

std::string totals_text(const Geometry& geometry, const SlotRuns& runs) {
    std::vector<std::string> words;
    for (auto row = runs.bytes.rbegin(); row != runs.bytes.rend(); ++row) {
        const std::uint64_t bytes = runs.bytes_of(row->first);
        words.push_back(row->first != 0 ? total_words(geometry, bytes, row->first)
                                        : size_words(bytes) + " not at all");
    }
    return fmt::format("mapped: {}\n", fmt::join(words, ", "));
}

std::string advice_text(const Geometry& geometry, const std::vector<Advice>& advice) {
    std::string text;
    for (const Advice& one : advice) {
        text += fmt::format("for {} {}s: {} ({} instead of {})\n", size_words(one.size),
                            noun(geometry, one.size), fmt::join(one.steps, "; "),
                            size_words(one.bytes_after),
                            one.bytes_before == 0 ? "none" : size_words(one.bytes_before));
    }
    return text;
}

} // namespace

std::string fault_text(const Scenario& scenario, const FaultExplanation& fault) {
    const Geometry& geometry = scenario.geometry;
    std::string text = table_words(geometry) + '\n' + slot_words(fault.slot) + "\n\n";
    if (!fault.request) {
        return text +
               fmt::format("a fault at {:#x} maps nothing: there is no memory\n", fault.ipa.value);
    }
    const MappingRequest& request = *fault.request;
    if (fault.chosen) {
        const ChosenMapping& mapping = *fault.chosen;
        text += fmt::format("a fault at {:#x} maps a {} of {}: IPA {:#x} to PA {:#x}\n",
                            fault.ipa.value, noun(geometry, mapping.size), size_words(mapping.size),
                            mapping.ipa.value, mapping.pa.value);
        if (mapping.contiguous != mapping.size) {
            text += fmt::format("a contiguous run of {} is possible around it\n",
                                size_words(mapping.contiguous));
        }
    } else {
        text += fmt::format("a fault at {:#x} maps nothing\n", fault.ipa.value);
    }
    text += fmt::format("its memory: IPA {:#x}..{:#x} at PA {:#x}\n\n", request.extent.start.value,
                        request.extent.end().value - 1, request.extent_pa.value);
    Columns sizes{{Align::right, Align::left, Align::left}};
    for (const SizeLimit& limit : fault.limits) {
        const bool possible = limit.reason == LimitedBy::nothing;
        sizes.add({size_words(limit.size), possible ? "yes" : "no",
                   possible ? "" : limit_words(geometry, limit)});
    }
    return text + sizes.text(2);
}

std::string slots_text(const Scenario& scenario, const SlotsExplanation& slots) {
    const Geometry& geometry = scenario.geometry;
    std::string text = table_words(geometry) + '\n';
    for (const SlotExplanation& one : slots.slots) {
        text += '\n' + slot_words(one.slot) + '\n' + runs_text(geometry, one.runs) +
                totals_text(geometry, one.runs) + advice_text(geometry, one.advice);
    }
    text += fmt::format("\ntables: {} below the root, {} with it\n", slots.tables_below_root,
                        size_words(slots.table_bytes));
    return text;
}

} // namespace twofold::tool
