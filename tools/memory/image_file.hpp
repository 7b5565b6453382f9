// SPDX-License-Identifier: MIT
// ImageFile: a file that is read where it is asked for, and never as a whole.
#pragma once

#include "tools/result.hpp"
#include "tools/run/file_descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace twofold::tool {

class ImageFile {
public:
    // A regular file: what cannot say its size or be read at an offset is refused.
    static Result<ImageFile> open(const std::string& path);

    const std::string& path() const { return path_; }
    std::uint64_t size() const { return size_; }

    // As many bytes as there are from `offset` on; fewer than asked for at the end of the file,
    // which may have become shorter since it was opened.
    std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const;
    // The little-endian number of up to eight bytes at `offset`; 0 beyond the end.
    std::uint64_t number(std::uint64_t offset, unsigned bytes) const;

private:
    ImageFile(std::string path, FileDescriptor descriptor, std::uint64_t size)
        : path_{std::move(path)},
          descriptor_{std::move(descriptor)},
          size_{size} {}

    std::string path_;
    FileDescriptor descriptor_;
    std::uint64_t size_ = 0;
};

} // namespace twofold::tool
