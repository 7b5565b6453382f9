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

std::optional<std::vector<std::string>> read_lines(const std::string& path, std::string& error) {
    const File file{gzopen(path.c_str(), "rb")};
    if (!file) {
        error = path + ": " + std::strerror(errno);
        return std::nullopt;
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
    int code = Z_OK;
    const char* message = gzerror(file.get(), &code);
    if (count < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        error = path + ": " + message;
        return std::nullopt;
    }
    if (!line.empty()) {
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace twofold::vectors
