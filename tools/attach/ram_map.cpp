// SPDX-License-Identifier: MIT
// Reading of "info mtree -f":
//
//   FlatView #0
//    AS "memory", root: system
//     0000000040000000-000000007fffffff (prio 0, ram): mach-virt.ram
#include "tools/attach/ram_map.hpp"

#include <algorithm>
#include <charconv>

namespace twofold::tool {

namespace {

std::string_view next_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return line;
}

bool take_hex(std::string_view& text, std::uint64_t& value) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return error == std::errc{};
}

// Memory, and ROM that is read like it; "ramd" is that of a real device.
bool is_memory(std::string_view kind) {
    return kind == "ram" || kind == "rom" || kind == "romd" || kind == "nv-ram" || kind == "nv-rom";
}

} // namespace

std::optional<RamMap> RamMap::parse(std::string_view text) {
    RamMap map;
    bool inside = false;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (line.starts_with("FlatView")) {
            inside = false;
        } else if (line.starts_with("AS \"memory\"")) {
            inside = true;
        }
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        if (!inside || !take_hex(line, first) || !line.starts_with('-')) {
            continue;
        }
        line.remove_prefix(1);
        if (!take_hex(line, last) || last < first) {
            continue;
        }
        const std::size_t from = line.find(", ");
        const std::size_t to = line.find(')');
        if (from != std::string_view::npos && to != std::string_view::npos && from + 2 <= to &&
            is_memory(line.substr(from + 2, to - from - 2))) {
            map.add(first, last);
        }
    }
    return map.last_.empty() ? std::nullopt : std::optional{map};
}

void RamMap::add(std::uint64_t first, std::uint64_t last) {
    // QEMU sorts them; what adjoins is one.
    if (const auto after = last_.upper_bound(first); after != last_.begin()) {
        auto& before = std::prev(after)->second;
        if (before >= first || before + 1 == first) {
            before = std::max(before, last);
            return;
        }
    }
    if (last_.size() < most_ranges) {
        last_.emplace(first, last);
    }
}

bool RamMap::contains(Pa pa, std::uint64_t bytes) const {
    const auto after = last_.upper_bound(pa.value);
    return after != last_.begin() && std::prev(after)->second >= pa.value &&
           std::prev(after)->second - pa.value >= bytes - 1;
}

} // namespace twofold::tool
