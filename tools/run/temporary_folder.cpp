// SPDX-License-Identifier: MIT
// Making and removing of a temporary folder.
#include "tools/run/temporary_folder.hpp"

#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

namespace twofold::tool {

std::optional<TemporaryFolder> TemporaryFolder::make() {
    // The hypervisor takes a path of at most 255 bytes.
    constexpr std::size_t longest = 200;
    const char* const given = std::getenv("TMPDIR");
    std::string base = given != nullptr ? given : "";
    if (!base.starts_with('/') || base.size() > longest ||
        base.find_first_of(" \t\n") != std::string::npos) {
        base = "/tmp";
    }
    std::string name = base + "/twofold-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        return std::nullopt;
    }
    return TemporaryFolder{name};
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_{std::exchange(other.path_, {})} {}

TemporaryFolder::~TemporaryFolder() {
    if (!path_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
}

} // namespace twofold::tool
