// SPDX-License-Identifier: MIT
// Files for tests: those of tests/data, and such that a test makes up.
#pragma once

#include "tools/run/temporary_folder.hpp"

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

// The contents of a file below tests/data; unpacked, if its name ends in .gz.
std::string sample(std::string_view name);

// A folder with files of a test's own.
class SampleFolder {
public:
    SampleFolder() : folder_{TemporaryFolder::make().value()} {}

    // Folders in the name are made as well. The path.
    std::string add(std::string_view name, std::string_view text) const;
    std::string path() const { return folder_.path().string(); }

private:
    TemporaryFolder folder_;
};

// Little-endian numbers, one after another.
std::string little_endian(const std::vector<std::uint64_t>& numbers);

// Tables in the making: a record of {pa, length, bytes} for each page.
class TablePages {
public:
    void set(Pa entry, std::uint64_t descriptor);
    std::string records() const;

private:
    struct Page {
        Pa pa;
        std::vector<std::uint64_t> entries;
    };
    std::vector<Page> pages_;
};

} // namespace twofold::tool
