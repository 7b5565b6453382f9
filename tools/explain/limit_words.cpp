// SPDX-License-Identifier: MIT
// SizeLimit in words.
#include "tools/explain/limit_words.hpp"

#include "tools/decode/leaf_words.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

// Some format of the granule has blocks of this level.
Level top_level(Granule granule) { return granule == Granule::k4 ? 0 : 1; }

std::string geometry_words(const Geometry& geometry, const SizeLimit& limit) {
    if (limit.wanted != limit.size) {
        return fmt::format("the address {:#x} is beyond the {}-bit IPA space, which ends at {:#x}",
                           limit.wanted, geometry.ipa_bits(), limit.allowed - 1);
    }
    Level level = page_level;
    while (geometry.entry_size(level) < limit.size) {
        --level;
    }
    if (level < geometry.format_top_level()) {
        return fmt::format("level {} has no blocks {}", level, no_block_words(geometry, level));
    }
    return fmt::format("the table begins at level {}, where an entry covers {}",
                       geometry.initial_level(),
                       size_words(geometry.entry_size(geometry.initial_level())));
}

// What has to be added to the IPA, modulo the size.
std::uint64_t difference(const SizeLimit& limit) {
    return (limit.allowed - limit.wanted) & (limit.size - 1);
}

} // namespace

std::string limit_words(const Geometry& geometry, const SizeLimit& limit) {
    const std::string size = size_words(limit.size);
    const auto bounds = [&](std::string_view text) {
        return fmt::format(fmt::runtime(text), size, limit.wanted, limit.allowed);
    };
    switch (limit.reason) {
    case LimitedBy::nothing:
        return "possible";
    case LimitedBy::geometry:
        return geometry_words(geometry, limit);
    case LimitedBy::slot_start:
        return bounds("the block would begin at {1:#x}, and the slot begins at {2:#x}");
    case LimitedBy::slot_end:
        return bounds("the block would end at {1:#x}, and the slot ends at {2:#x}");
    case LimitedBy::misalignment:
        return bounds("IPA and PA differ modulo {0}: the memory begins {1:#x} into one as IPA, and "
                      "{2:#x} as PA");
    case LimitedBy::extent_start:
        return bounds("the block would begin at {1:#x}, and the memory begins at {2:#x}");
    case LimitedBy::extent_end:
        return bounds("the block would end at {1:#x}, and the memory ends at {2:#x}");
    case LimitedBy::attributes:
        return bounds("type or permissions change inside: the block begins or ends at {1:#x}, and "
                      "what is alike at {2:#x}");
    case LimitedBy::dirty_logging:
        return fmt::format("dirty logging maps pages of {}", size_words(limit.allowed));
    case LimitedBy::device:
        return fmt::format("device memory is mapped with at most {}", size_words(limit.allowed));
    case LimitedBy::cap:
        return fmt::format("no more than {} is wanted", size_words(limit.allowed));
    case LimitedBy::nested_stage2:
        return fmt::format("the guest hypervisor maps it with {}", size_words(limit.allowed));
    case LimitedBy::other_mappings:
        return fmt::format("other mappings are in the way: {}", size_words(limit.allowed));
    }
    return "unknown";
}

std::string limit_summary(const Geometry& geometry, const SizeLimit& limit) {
    const std::string size = size_words(limit.size);
    switch (limit.reason) {
    case LimitedBy::nothing:
        return "the largest size of this table";
    case LimitedBy::slot_start:
        return fmt::format("the slot begins inside {}", size);
    case LimitedBy::slot_end:
        return fmt::format("the slot ends inside {}", size);
    case LimitedBy::misalignment:
        return fmt::format("IPA and PA differ by {} modulo {}", size_words(difference(limit)),
                           size);
    case LimitedBy::extent_start:
    case LimitedBy::extent_end:
        return fmt::format("the memory begins or ends inside {}", size);
    case LimitedBy::attributes:
        return fmt::format("type or permissions change inside {}", size);
    default:
        return fmt::format("{}: {}", size, limit_words(geometry, limit));
    }
}

std::vector<SizeLimit> all_limits(const Geometry& geometry, const MappingRequest& request) {
    std::vector<SizeLimit> limits;
    for (Level level = top_level(geometry.granule()); level <= page_level; ++level) {
        limits.push_back(mapping_rules::check_level(geometry, request, level));
    }
    return limits;
}

} // namespace twofold::tool
