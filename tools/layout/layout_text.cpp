// SPDX-License-Identifier: MIT
// A layout as text.
#include "tools/layout/layout_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace twofold::tool {

namespace {

std::string_view entry_kinds(const LayoutLevel& level) {
    if (!level.table_allowed) {
        return "page";
    }
    return level.leaf_allowed ? "block or table" : "table";
}

std::string levels_text(const Layout& layout) {
    Columns table{{Align::right, Align::left, Align::right, Align::right, Align::right, Align::left,
                   Align::left}};
    table.add({"level", "IPA bits", "width", "entries", "one covers", "is a", "contiguous run"});
    for (const LayoutLevel& level : layout.levels) {
        table.add({fmt::format("{}", level.level),
                   fmt::format("{}:{}", level.high_bit, level.low_bit),
                   fmt::format("{}", level.width()), fmt::format("{}", level.entries),
                   size_words(level.entry_bytes), std::string{entry_kinds(level)},
                   level.contiguous_run > 1 ? fmt::format("{} = {}", level.contiguous_run,
                                                          size_words(level.contiguous_bytes()))
                                            : "none"});
    }
    return table.text(2);
}

std::string sizes_text(const Layout& layout, bool contiguous) {
    std::vector<std::string> words;
    for (const MappableSize& size : layout.sizes) {
        if ((size.entries > 1) == contiguous) {
            words.push_back(size_words(size.bytes));
        }
    }
    return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

std::string tables_text(const Layout& layout) {
    Columns table{{Align::left, Align::right, Align::right, Align::right}};
    table.add({"mapped as", "entries", "tables", "memory with the root"});
    for (const GuestTables& tables : layout.tables) {
        table.add({size_words(tables.bytes), fmt::format("{}", tables.entries),
                   fmt::format("{}", tables.tables), size_words(tables.table_bytes)});
    }
    return table.text(2);
}

std::string vtcr_text(const Layout& layout) {
    Columns table{{Align::right, Align::left, Align::right, Align::left}};
    for (const RegisterField& field : layout.vtcr_fields) {
        table.add(
            {field.bits(), std::string{field.name}, fmt::format("{}", field.value), field.meaning});
    }
    return table.text(2);
}

std::string linux_text(const LinuxWords& words) {
    Columns levels{{Align::left, Align::left, Align::left}};
    for (const LinuxLevel& level : words.levels) {
        levels.add({level.name, fmt::format("level {}", level.level),
                    level.folded.empty()
                        ? ""
                        : fmt::format("with {} folded into it", fmt::join(level.folded, ", "))});
    }
    Columns blocks{{Align::left, Align::right, Align::left, Align::left}};
    for (const LinuxBlock& block : words.blocks) {
        blocks.add({fmt::format("{} block", block.name), size_words(block.bytes),
                    block.allowed ? "yes" : "no", block.reason});
    }
    return levels.text(2) + blocks.text(2);
}

} // namespace

std::string layout_text(const Layout& layout) {
    const Geometry& geometry = layout.geometry;
    std::string text = fmt::format(
        "{} granule, {}-bit IPA, {}-bit PA, {}; CPU: {}\n\n", granule_words(geometry.granule()),
        geometry.ipa_bits(), geometry.pa_bits(), geometry.lpa2() ? "LPA2" : "no LPA2", layout.cpu);
    text += levels_text(layout);
    text += fmt::format(
        "\nroot: {}{}, {}, aligned to its size\n", counted(geometry.root_tables(), "table"),
        geometry.root_tables() > 1 ? " side by side" : "", size_words(geometry.root_bytes()));
    text += fmt::format("one descriptor maps: {}\n", sizes_text(layout, false));
    text += fmt::format("a contiguous run maps: {}\n", sizes_text(layout, true));
    text += fmt::format("\ntables for a guest of {} at 0\n", size_words(layout.memory)) +
            tables_text(layout);
    text += fmt::format("\nVTCR_EL2 = {:#018x}\n", layout.vtcr.value) + vtcr_text(layout);
    text += "\nin Linux's words\n" + linux_text(layout.linux);
    return text;
}

} // namespace twofold::tool
