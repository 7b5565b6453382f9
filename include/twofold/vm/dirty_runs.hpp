// SPDX-License-Identifier: MIT
// DirtyRuns: some runs of dirty pages, taken out of a slot's bitmap together, so that one
// invalidation serves all of them.
#pragma once

#include <twofold/table/progress.hpp>
#include <twofold/vm/slot.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace twofold {

class DirtyRuns {
public:
    // From progress.next to `limit`, which lies in the slot, as many as there is room for and the
    // budget allows. False: that was all for this call.
    bool take(const Slot& slot, Ipa limit, std::uint64_t page_size, Progress& progress) {
        const Ipa start = std::max(progress.next, slot.range.start);
        if (start >= limit) {
            progress.next = limit;
            return false;
        }
        const std::uint64_t first = slot.offset_of(start) / page_size;
        const std::uint64_t pages = slot.offset_of(limit) / page_size;
        const std::uint64_t words = std::min<std::uint64_t>(words_at_once, progress.budget);
        std::uint64_t next = 0;
        slot.dirty->take(
            first, pages - first,
            [&](std::uint64_t page, std::uint64_t count) {
                add({slot.range.start + page * page_size, count * page_size});
            },
            words, &next);
        progress.next = slot.range.start + next * page_size;
        if (progress.budget != Progress::unlimited) {
            progress.budget -= words;
        }
        return next < pages && progress.budget != 0;
    }

    const IpaSpan* begin() const { return runs_.data(); }
    const IpaSpan* end() const { return runs_.data() + count_; }

private:
    static constexpr std::size_t runs_of_a_word = 32;
    static constexpr std::size_t words_at_once = 4;

    // Runs go upwards: one that follows the last belongs to it.
    void add(const IpaSpan& run) {
        if (count_ != 0 && runs_[count_ - 1].end() == run.start) {
            runs_[count_ - 1].length += run.length;
        } else {
            runs_[count_++] = run;
        }
    }

    std::array<IpaSpan, words_at_once* runs_of_a_word> runs_ = {};
    std::size_t count_ = 0;
};

} // namespace twofold
