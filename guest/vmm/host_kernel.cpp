// SPDX-License-Identifier: MIT
// Reading of files in /proc and debugfs.
#include "host_kernel.hpp"

#include "die.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace twofold::vmm {

namespace {

std::optional<std::string> read_file(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        errno = 0;
        return std::nullopt;
    }
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const auto count = checked(read(file, part.data(), part.size()), path.c_str());
        if (count == 0)
            break;
        text.append(part.data(), static_cast<std::size_t>(count));
    }
    close(file);
    return text;
}

} // namespace

std::uint64_t table_bytes() {
    // Each CPU has a part of the sum that it has not told yet; reading of this file makes it.
    read_file("/proc/sys/vm/stat_refresh");
    const std::string text = read_file("/proc/meminfo").value_or("");
    const std::string name = "SecPageTables:";
    const std::size_t at = text.find(name);
    if (at == std::string::npos)
        die("/proc/meminfo has no " + name);
    return std::strtoull(text.c_str() + at + name.size(), nullptr, 10) * 1024;
}

std::optional<std::string> table_dump(int vm) {
    return read_file("/sys/kernel/debug/kvm/" + std::to_string(getpid()) + '-' +
                     std::to_string(vm) + "/stage2_page_tables");
}

} // namespace twofold::vmm
