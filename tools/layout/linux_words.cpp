// SPDX-License-Identifier: MIT
// Levels of the manual as levels of Linux.
#include "tools/layout/linux_words.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace twofold::tool {

namespace {

// Level -1 first.
constexpr std::array<std::string_view, 5> names = {"PGD", "P4D", "PUD", "PMD", "PTE"};

std::string_view name_of(Level level) { return names[static_cast<unsigned>(level + 1)]; }

LinuxLevel make_root(Level initial) {
    // The root is always called PGD, whatever was folded into it; only a table of a single level
    // has nothing that Linux could call so.
    LinuxLevel root{initial, initial == page_level ? "PTE" : "PGD", {}};
    for (Level level = initial == page_level ? -1 : 0; level <= initial && level < page_level;
         ++level) {
        root.folded.emplace_back(name_of(level));
    }
    return root;
}

LinuxBlock make_block(const Geometry& geometry, Level level) {
    LinuxBlock block{.name = std::string{name_of(level)},
                     .bytes = geometry.entry_size(level),
                     .allowed = geometry.can_map(geometry.entry_size(level)),
                     .reason = {}};
    const std::string_view below = name_of(level + 1);
    if (geometry.initial_level() == page_level) {
        block.reason = "the table is a single level of pages";
    } else if (level < geometry.initial_level()) {
        block.reason = fmt::format("the {} is folded into the PGD", below);
    } else if (block.allowed) {
        block.reason = level + 1 == page_level
                           ? "the PTE is never folded"
                           : fmt::format("the {} is not folded into the PGD", below);
    } else {
        block.reason = "this descriptor format has no block at that level";
    }
    return block;
}

} // namespace

LinuxWords linux_words(const Geometry& geometry) {
    LinuxWords words;
    words.levels.push_back(make_root(geometry.initial_level()));
    for (Level level = geometry.initial_level() + 1; level <= page_level; ++level) {
        words.levels.push_back({level, std::string{name_of(level)}, {}});
    }
    for (Level level = 0; level < page_level; ++level) {
        words.blocks.push_back(make_block(geometry, level));
    }
    return words;
}

} // namespace twofold::tool
