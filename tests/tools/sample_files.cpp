// SPDX-License-Identifier: MIT
// Making and reading of files.
#include "sample_files.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace twofold::tool {

namespace {

std::string contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    EXPECT_TRUE(file) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

std::string sample(std::string_view name) {
    const auto path = std::filesystem::path{TWOFOLD_TEST_DATA} / name;
    if (!name.ends_with(".gz")) {
        return contents(path);
    }
    const SampleFolder folder;
    const std::string unpacked = folder.path() + "/unpacked";
    EXPECT_EQ(std::system(fmt::format("gzip -dc '{}' >{}", path.string(), unpacked).c_str()), 0);
    return contents(unpacked);
}

std::string SampleFolder::add(std::string_view name, std::string_view text) const {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << text;
    return path.string();
}

std::string little_endian(const std::vector<std::uint64_t>& numbers) {
    std::string bytes;
    for (const std::uint64_t number : numbers) {
        for (unsigned i = 0; i < 8; ++i) {
            bytes += static_cast<char>(number >> (8 * i) & 0xff);
        }
    }
    return bytes;
}

void TablePages::set(Pa entry, std::uint64_t descriptor) {
    constexpr std::uint64_t page_bytes = 4096;
    const Pa pa = entry.align_down(page_bytes);
    auto page = std::ranges::find(pages_, pa, &Page::pa);
    if (page == pages_.end()) {
        page = pages_.insert(page, {pa, std::vector<std::uint64_t>(page_bytes / 8)});
    }
    page->entries[entry.offset_in(page_bytes) / 8] = descriptor;
}

std::string TablePages::records() const {
    std::string bytes;
    for (const Page& page : pages_) {
        bytes += little_endian({page.pa.value, page.entries.size() * 8});
        bytes += little_endian(page.entries);
    }
    return bytes;
}

} // namespace twofold::tool
