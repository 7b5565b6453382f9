// SPDX-License-Identifier: MIT
// Counting.
#include "tools/kvm/kvm_figures.hpp"

#include "tools/cpu/known_cpu.hpp"
#include "tools/kvm/kvm_granule.hpp"
#include "tools/walk/leaf_words.hpp"

#include <twofold/arch/geometry.hpp>

#include <algorithm>

namespace twofold::tool {

namespace {

void add(KvmAmount& amount, const KvmRun& run) {
    amount.bytes += run.size();
    ++amount.runs;
}

// Whole aligned pieces of `size` in [start, end).
std::uint64_t pieces(Ipa start, Ipa end, std::uint64_t size) {
    const Ipa first = start.align_up(size);
    const Ipa last = end.align_down(size);
    return first < last ? (last - first) / size : 0;
}

// What is mapped with leaves smaller than one size, stretch by stretch.
class LargerCount {
public:
    explicit LargerCount(KvmLarger& larger) : larger_{larger} {}

    void take(const KvmRun& run) {
        if (!run.leaf || run.level <= larger_.level) {
            end();
            return;
        }
        if (!open_ || run.start != end_) {
            end();
            start_ = uniform_start_ = run.start;
            permissions_ = run.permissions;
            open_ = true;
        } else if (run.permissions != permissions_) {
            end_uniform();
            uniform_start_ = run.start;
            permissions_ = run.permissions;
        }
        end_ = run.end;
    }
    void end() {
        if (!open_) {
            return;
        }
        end_uniform();
        const std::uint64_t whole = pieces(start_, end_, larger_.size);
        larger_.mixed += whole - uniform_;
        uniform_ = 0;
        edges();
        open_ = false;
    }

private:
    void end_uniform() {
        const std::uint64_t whole = pieces(uniform_start_, end_, larger_.size);
        uniform_ += whole;
        larger_.uniform += whole;
    }
    // The pieces at both ends of a stretch that it fills only in part; the next stretch may be in
    // the same piece.
    void edges() {
        const Ipa first = start_.align_down(larger_.size);
        const Ipa last = end_.align_down(larger_.size);
        if (first == last) {
            edge(first, end_ - start_);
            return;
        }
        if (start_ != first) {
            edge(first, first + larger_.size - start_);
        }
        if (end_ != last) {
            edge(last, end_ - last);
        }
    }
    void edge(Ipa piece, std::uint64_t bytes) {
        larger_.partial += !any_edge_ || piece != edge_ ? 1 : 0;
        larger_.partial_mapped_bytes += bytes;
        any_edge_ = true;
        edge_ = piece;
    }

    KvmLarger& larger_;
    bool open_ = false;
    Ipa start_;
    Ipa end_;
    Ipa uniform_start_;
    Permissions permissions_;
    std::uint64_t uniform_ = 0; // of this stretch
    bool any_edge_ = false;
    Ipa edge_;
};

// The level of the largest leaf that this table can have. Without the number of levels, that of the
// largest that can be seen.
Level top_leaf_level(const KvmDump& dump, Granule granule) {
    const CpuFeatures features = CpuFeatures::from(known_cpus().front().registers);
    const bool wide = granule != Granule::k64 && dump.ipa_bits && *dump.ipa_bits > 48;
    Level top = page_level;
    if (const auto initial = dump.initial_level()) {
        top = *initial;
    } else {
        for (const KvmRun& run : dump.runs) {
            top = std::min(top, run.level);
        }
    }
    return std::max(top, geometry_rules::top_block_level(features, granule, wide));
}

void add_states(KvmFigures& figures, const KvmRun& run) {
    const Permissions& permissions = run.permissions;
    add(figures.permissions[permission_words(permissions)], run);
    if (permissions.write && permissions.execute()) {
        add(figures.writable_executable, run);
    }
    if (permissions.write && !permissions.read) {
        add(figures.write_only, run);
    }
    if (!permissions.read && !permissions.write && !permissions.execute()) {
        add(figures.inaccessible, run);
    }
    if (!run.access_flag) {
        add(figures.not_accessed, run);
    }
}

void add_holes(KvmFigures& figures, const KvmDump& dump) {
    Ipa end;
    bool any = false;
    for (const KvmRun& run : dump.runs) {
        if (!run.leaf) {
            continue;
        }
        if (any && run.start > end) {
            const KvmRun hole{.start = end, .end = run.start};
            add(figures.holes, hole);
            if (hole.size() > figures.largest_hole.bytes) {
                figures.largest_hole = {hole.size(), 1};
            }
        }
        any = true;
        end = run.end;
    }
}

void add_larger(KvmFigures& figures, const KvmDump& dump, Level top) {
    for (Level level = page_level - 1; level >= top; --level) {
        KvmLarger& larger =
            figures.larger.emplace_back(KvmLarger{.level = level, .size = figures.size_of(level)});
        LargerCount count{larger};
        for (const KvmRun& run : dump.runs) {
            count.take(run);
        }
        count.end();
    }
}

} // namespace

KvmFigures kvm_figures(const KvmDump& dump, std::optional<Granule> granule) {
    const GranuleGuess guess = guess_granule(dump);
    KvmFigures figures;
    figures.granule = granule.value_or(guess.granule);
    figures.granule_certain = granule || guess.certain;
    const Level top = top_leaf_level(dump, figures.granule);
    for (const KvmRun& run : dump.runs) {
        const std::uint64_t entry = figures.size_of(run.level);
        if (!run.start.is_aligned(entry) || !run.end.is_aligned(entry)) {
            ++figures.misaligned_runs;
        }
        if (run.invalid) {
            add(figures.invalid, run);
        }
        if (!run.leaf) {
            continue;
        }
        figures.mapped[run.level] += run.size();
        figures.mapped_bytes += run.size();
        if (run.level < top || run.block == (run.level == page_level)) {
            add(figures.impossible, run);
        }
        add_states(figures, run);
    }
    figures.unknown_from = dump.runs.empty() ? 0 : dump.runs.back().end.value;
    add_holes(figures, dump);
    add_larger(figures, dump, top);
    return figures;
}

} // namespace twofold::tool
