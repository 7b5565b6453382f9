// SPDX-License-Identifier: MIT
// LinuxWords: a geometry for people who think in PGD, P4D, PUD, PMD and PTE.
#pragma once

#include <twofold/arch/geometry.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

struct LinuxLevel {
    Level level = 0;
    std::string name;
    std::vector<std::string>
        folded; // levels of Linux that this table has not, folded into this one
};

struct LinuxBlock {
    std::string name; // of the level whose entry would be the block
    std::uint64_t bytes = 0;
    bool allowed = false;
    std::string reason;
};

struct LinuxWords {
    std::vector<LinuxLevel> levels; // from the root down
    std::vector<LinuxBlock> blocks; // P4D, PUD and PMD
};

LinuxWords linux_words(const Geometry& geometry);

} // namespace twofold::tool
