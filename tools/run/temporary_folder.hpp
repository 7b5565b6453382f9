// SPDX-License-Identifier: MIT
// TemporaryFolder: exists as long as its owner, and goes with everything in it.
#pragma once

#include <filesystem>
#include <optional>

namespace twofold::tool {

class TemporaryFolder {
public:
    // In $TMPDIR, or in /tmp where that has a name that a command line would have to quote.
    static std::optional<TemporaryFolder> make();

    TemporaryFolder(TemporaryFolder&& other) noexcept;
    TemporaryFolder& operator=(TemporaryFolder&& other) = delete;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();

    const std::filesystem::path& path() const { return path_; }

private:
    explicit TemporaryFolder(std::filesystem::path path) : path_{std::move(path)} {}
    std::filesystem::path path_;
};

} // namespace twofold::tool
