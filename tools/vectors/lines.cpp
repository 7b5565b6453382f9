// SPDX-License-Identifier: MIT
// zlib reads plain files as they are, so one path serves both.
#include <tools/vectors/lines.hpp>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace twofold::vectors {

namespace {

struct Close {
    void operator()(gzFile file) const { gzclose(file); }
};
using File = std::unique_ptr<gzFile_s, Close>;

} // namespace

std::expected<std::vector<std::string>, std::string> read_lines(const std::string& path) {
    const File file{gzopen(path.c_str(), "rb")};
    if (!file) {
        return std::unexpected(path + ": " + std::strerror(errno));
    }

    std::vector<std::string> lines;
    std::string line;
    std::array<char, 1 << 16> buffer{};
    int count = 0;
    while ((count = gzread(file.get(), buffer.data(), buffer.size())) > 0) {
        for (int i = 0; i < count; ++i) {
            const char c = buffer[static_cast<std::size_t>(i)];
            if (c != '\n') {
                line.push_back(c);
            } else if (!line.empty()) {
                lines.push_back(std::move(line));
                line.clear();
            }
        }
    }
    // A file cut short reads as its beginning; only the error code tells.
    int error = Z_OK;
    const char* message = gzerror(file.get(), &error);
    if (count < 0 || (error != Z_OK && error != Z_STREAM_END)) {
        return std::unexpected(path + ": " + message);
    }
    if (!line.empty()) {
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace twofold::vectors
