// SPDX-License-Identifier: MIT
// Checks of the files of a run.
#include "tools/run/guest_files.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>

namespace twofold::tool {

namespace {

Result<std::uint64_t> size_of(const std::filesystem::path& file, std::string_view option) {
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(file, error);
    if (error || !std::ifstream{file}) {
        return Failure{fmt::format("{} \"{}\": {}", option, file.string(),
                                   error ? error.message() : "cannot be read")};
    }
    return size;
}

// The magic number in the header of an arm64 Image.
bool is_arm64_image(const std::filesystem::path& file) {
    constexpr std::streamoff offset = 56;
    std::array<char, 4> magic{};
    std::ifstream stream{file, std::ios::binary};
    return stream.seekg(offset) && stream.read(magic.data(), magic.size()) &&
           std::string_view{magic.data(), magic.size()} == "ARM\x64";
}

} // namespace

Result<Placement> place_files(const RunOptions& options) {
    const auto hypervisor = size_of(options.hypervisor, "--hypervisor");
    if (!hypervisor) {
        return Failure{hypervisor.error()};
    }
    const auto kernel = size_of(options.kernel, "--kernel");
    if (!kernel) {
        return Failure{kernel.error()};
    }
    for (const auto& [file, option] :
         {std::pair{options.hypervisor, "--hypervisor"}, std::pair{options.kernel, "--kernel"}}) {
        if (!is_arm64_image(file)) {
            return Failure{fmt::format("{} \"{}\": expected an uncompressed arm64 Image", option,
                                       file.string())};
        }
    }
    std::uint64_t initrd_bytes = 0;
    if (!options.initrd.empty()) {
        const auto initrd = size_of(options.initrd, "--initrd");
        if (!initrd) {
            return Failure{initrd.error()};
        }
        initrd_bytes = *initrd;
    }
    return Placement::make(*kernel, initrd_bytes, options.memory);
}

} // namespace twofold::tool
