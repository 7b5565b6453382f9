// SPDX-License-Identifier: MIT
// Checks of the files of a run.
#include "tools/run/guest_files.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

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

// Of an image.
Result<std::uint64_t> image_size(const std::filesystem::path& file, std::string_view option) {
    auto size = size_of(file, option);
    if (size && !is_arm64_image(file)) {
        return Failure{
            fmt::format("{} \"{}\": expected an uncompressed arm64 Image", option, file.string())};
    }
    return size;
}

} // namespace

Result<Placement> place_files(const RunOptions& options) {
    const auto hypervisor = image_size(options.hypervisor, "--hypervisor");
    if (!hypervisor) {
        return Failure{hypervisor.error()};
    }
    std::vector<GuestSizes> sizes;
    for (const GuestOptions& guest : options.guests) {
        const bool first = sizes.empty();
        const auto kernel = image_size(guest.kernel, first ? "--kernel" : "--vm: kernel");
        if (!kernel) {
            return Failure{kernel.error()};
        }
        std::uint64_t initrd_bytes = 0;
        if (!guest.initrd.empty()) {
            const auto initrd = size_of(guest.initrd, first ? "--initrd" : "--vm: initrd");
            if (!initrd) {
                return Failure{initrd.error()};
            }
            initrd_bytes = *initrd;
        }
        sizes.push_back({.kernel = *kernel, .initrd = initrd_bytes, .memory = guest.memory});
    }
    return Placement::make(sizes);
}

} // namespace twofold::tool
