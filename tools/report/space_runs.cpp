// SPDX-License-Identifier: MIT
// Putting the runs of a space in order.
#include "tools/report/space_runs.hpp"

#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <tuple>

namespace twofold::tool {

namespace {

constexpr std::uint64_t address_limit = std::uint64_t{1} << most_address_bits;

bool in_order(const ReportRun& left, const ReportRun& right) { return left.ipa < right.ipa; }

// Sizes as they are summed up: by level, or where there is none by the size alone.
class MappedSums {
public:
    void add(const RunKind& kind, std::uint64_t bytes) {
        MappedSize& size = sizes_[{kind.entry_bytes, kind.level.value_or(page_level + 1)}];
        size.level = kind.level;
        size.bytes = kind.entry_bytes;
        size.mapped_bytes += bytes;
        size.entries += bytes / kind.entry_bytes;
        size.contiguous_bytes += kind.contiguous ? bytes : 0;
    }
    std::vector<MappedSize> largest_first() const {
        std::vector<MappedSize> sizes;
        for (const auto& [key, size] : sizes_) {
            sizes.insert(sizes.begin(), size);
        }
        return sizes;
    }

private:
    std::map<std::tuple<std::uint64_t, Level>, MappedSize> sizes_;
};

} // namespace

bool SpaceRuns::makes_sense(const ReportRun& run, const RunKind& kind) {
    if (run.bytes == 0 || run.bytes > address_limit || run.ipa > address_limit - run.bytes ||
        (run.pa && *run.pa > address_limit)) {
        return false;
    }
    return !kind.is_leaf() ||
           (std::has_single_bit(kind.entry_bytes) && (run.ipa | run.bytes) % kind.entry_bytes == 0);
}

void SpaceRuns::add(ReportRun run, RunKind kind) {
    if (!makes_sense(run, kind)) {
        ++senseless_;
        return;
    }
    end_ = std::max(end_, run.end());
    if (runs_.size() >= limit_) {
        ++left_out_;
        if (kind.is_leaf()) {
            // As the sums tell them apart.
            bytes_beyond_[{.level = kind.level,
                           .entry_bytes = kind.entry_bytes,
                           .contiguous = kind.contiguous}] += run.bytes;
        }
        return;
    }
    const auto next = static_cast<std::uint32_t>(kinds_.size());
    run.kind = kinds_.try_emplace(std::move(kind), next).first->second;
    runs_.push_back(run);
}

ReportMapped SpaceRuns::finish(ReportSpace& space) {
    if (!std::ranges::is_sorted(runs_, in_order)) {
        std::ranges::stable_sort(runs_, in_order);
    }
    space.kinds.resize(kinds_.size());
    for (const auto& [kind, number] : kinds_) {
        space.kinds[number] = kind;
    }
    MappedSums sums;
    const std::uint64_t limit = std::uint64_t{1} << space.ipa_bits;
    std::uint64_t at = 0;
    std::uint64_t overlapping = 0;
    std::uint64_t outside = 0;
    for (const ReportRun& run : runs_) {
        if (run.end() > limit) {
            ++outside;
        } else if (run.ipa < at) {
            ++overlapping;
        } else {
            space.runs.push_back(run);
            at = run.end();
            if (const RunKind& kind = space.kinds[run.kind]; kind.is_leaf()) {
                sums.add(kind, run.bytes);
            }
        }
    }
    for (const auto& [kind, bytes] : bytes_beyond_) {
        sums.add(kind, bytes);
    }
    space.runs_left_out = left_out_;
    const auto note = [&space](std::uint64_t count, std::string_view why) {
        if (count != 0) {
            space.skipped.push_back(fmt::format("{} {} left out: {}", counted(count, "run"),
                                                count == 1 ? "is" : "are", why));
        }
    };
    note(left_out_, fmt::format("a page has no more than {}; sums have them all", limit_));
    note(overlapping, "what is before them covers the same addresses");
    note(outside, fmt::format("beyond the {}-bit IPA space", space.ipa_bits));
    note(senseless_, "their size or address is none that such an entry can have");
    return {.source = space.source, .name = space.name, .sizes = sums.largest_first()};
}

} // namespace twofold::tool
