// SPDX-License-Identifier: MIT
// KvmPages: a tree as the file stage2_page_tables of KVM's debugfs shows it. Its last run is never
// printed there, and so not here.
#pragma once

#include "tools/map/map_words.hpp"
#include "tools/map/tree.hpp"

#include <optional>
#include <string>

namespace twofold::tool {

class KvmPages : public TreeVisitor {
public:
    KvmPages(const Geometry& geometry, MapFormat format, ResultStream& out)
        : geometry_{geometry},
          format_{format},
          out_{out} {}

    bool visit(const TreeEntry& entry) override;

private:
    struct Run {
        Ipa start;
        Level level = 0;
        std::uint64_t shown = 0; // the bits of the descriptor that are printed
    };
    std::uint64_t shown_bits() const;
    std::string line(const Run& run, Ipa end) const;
    std::string attributes(std::uint64_t shown) const;

    Geometry geometry_;
    MapFormat format_;
    ResultStream& out_;
    std::optional<Run> run_;
};

} // namespace twofold::tool
