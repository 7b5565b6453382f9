// SPDX-License-Identifier: MIT
// Writing beside, then renaming.
#include "tools/text/replace_file.hpp"

#include "tools/run/file_descriptor.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace twofold::tool {

namespace {

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(descriptor, text.data(), text.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

} // namespace

Result<bool> replace_file(const std::string& path, std::string_view text) {
    std::string beside = path + ".XXXXXX";
    FileDescriptor descriptor{::mkstemp(beside.data())};
    if (!descriptor.is_open()) {
        return Failure{fmt::format("{}: {}", path, std::strerror(errno))};
    }
    constexpr mode_t everybody_reads = 0644;
    if (!write_all(descriptor.number(), text) ||
        ::fchmod(descriptor.number(), everybody_reads) != 0 ||
        ::rename(beside.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(beside.c_str());
        return Failure{fmt::format("{}: {}", path, std::strerror(error))};
    }
    return true;
}

} // namespace twofold::tool
