// SPDX-License-Identifier: MIT
// Wording.
#include "monitor/words.hpp"

namespace twofold::hyp {

namespace {

constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};

} // namespace

Words size_words(std::uint64_t bytes) {
    std::size_t unit = 0;
    while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(units)) {
        bytes /= 1024;
        ++unit;
    }
    return Words{"{} {}", bytes, units[unit]};
}

Words amount_words(std::uint64_t bytes) {
    std::size_t unit = 0;
    std::uint64_t size = 1;
    while (bytes / size >= 1024 && unit + 1 < std::size(units)) {
        size *= 1024;
        ++unit;
    }
    if (bytes % size == 0)
        return Words{"{} {}", bytes / size, units[unit]};
    return Words{"{}.{} {}", bytes / size, bytes % size * 10 / size, units[unit]};
}

Words counted(std::uint64_t count, std::string_view name) {
    return Words{"{} {}{}", count, name, count == 1 ? "" : "s"};
}

Words attribute_words(const Attributes& a) {
    const Permissions& p = a.permissions;
    std::string_view execute = "-";
    if (p.execute_el0 && p.execute_el1)
        execute = "x";
    else if (p.execute())
        execute = p.execute_el1 ? "x(EL1)" : "x(EL0)";
    return Words{"{}{}{} {}{}{}",
                 p.read ? "r" : "-",
                 p.write ? "w" : "-",
                 execute,
                 to_string(a.type),
                 a.dbm ? ", hardware dirty state" : "",
                 a.access_flag ? "" : ", old"};
}

Words limit_words(const SizeLimit& limit) {
    const std::uint64_t wanted = limit.wanted;
    const std::uint64_t allowed = limit.allowed;
    switch (limit.reason) {
    case LimitedBy::nothing:
        return Words{"possible"};
    case LimitedBy::geometry:
        return Words{"geometry: the largest leaf of this table has {}", size_words(allowed).text()};
    case LimitedBy::slot_start:
        return Words{"slot: a block would begin at {:#x}, the slot begins at {:#x}", wanted,
                     allowed};
    case LimitedBy::slot_end:
        return Words{"slot: a block would end at {:#x}, the slot ends at {:#x}", wanted, allowed};
    case LimitedBy::misalignment:
        return Words{"alignment: offset {:#x} of the IPA in a block, {:#x} of the PA", wanted,
                     allowed};
    case LimitedBy::extent_start:
        return Words{"extent: a block would begin at {:#x}, the memory begins at {:#x}", wanted,
                     allowed};
    case LimitedBy::extent_end:
        return Words{"extent: a block would end at {:#x}, the memory ends at {:#x}", wanted,
                     allowed};
    default:
        return Words{"{}: {} wanted, {} allowed", to_string(limit.reason),
                     size_words(wanted).text(), size_words(allowed).text()};
    }
}

} // namespace twofold::hyp
