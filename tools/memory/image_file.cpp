// SPDX-License-Identifier: MIT
// Reading at an offset.
#include "tools/memory/image_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

namespace twofold::tool {

Result<ImageFile> ImageFile::open(const std::string& path) {
    // A pipe without a writer would keep a blocking open waiting.
    FileDescriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (!descriptor.is_open() || ::fstat(descriptor.number(), &status) != 0) {
        return Failure{fmt::format("{}: {}", path, std::strerror(errno))};
    }
    if (!S_ISREG(status.st_mode)) {
        return Failure{fmt::format("{}: expected a regular file", path)};
    }
    return ImageFile{path, std::move(descriptor), static_cast<std::uint64_t>(status.st_size)};
}

std::size_t ImageFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
    if (offset >= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()) - bytes.size()) {
        return 0;
    }
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = ::pread(descriptor_.number(), bytes.data() + done,
                                      bytes.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    return done;
}

std::uint64_t ImageFile::number(std::uint64_t offset, unsigned bytes) const {
    std::array<std::byte, 8> buffer{};
    read(offset, std::span{buffer}.first(bytes));
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) {
        value |= std::to_integer<std::uint64_t>(buffer[i]) << (8 * i);
    }
    return value;
}

} // namespace twofold::tool
