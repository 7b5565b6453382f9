// SPDX-License-Identifier: MIT
// IntervalMap: what a guest's address space should be, as plain intervals. The oracle of the random
// tests: it knows nothing of levels, tables or blocks.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/attributes.hpp>

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace twofold::test {

struct Interval {
    std::uint64_t end = 0; // not included
    std::uint64_t pa = 0;  // of its start
    Attributes attributes = {};
};

class IntervalMap {
public:
    void map(std::uint64_t start, std::uint64_t length, std::uint64_t pa, const Attributes& a) {
        unmap(start, length);
        intervals_[start] = {start + length, pa, a};
    }
    void unmap(std::uint64_t start, std::uint64_t length) {
        cut(start);
        cut(start + length);
        intervals_.erase(intervals_.lower_bound(start), intervals_.lower_bound(start + length));
    }
    // Calls change(Attributes&) for all that is mapped in the range.
    template <class Change>
    void change(std::uint64_t start, std::uint64_t length, Change&& change) {
        cut(start);
        cut(start + length);
        for (auto i = intervals_.lower_bound(start);
             i != intervals_.end() && i->first < start + length; ++i) {
            change(i->second.attributes);
        }
    }
    bool any(std::uint64_t start, std::uint64_t length) const {
        const auto after = intervals_.lower_bound(start + length);
        return after != intervals_.begin() && std::prev(after)->second.end > start;
    }

    struct Found {
        std::uint64_t pa = 0;
        Attributes attributes = {};
    };
    std::optional<Found> find(std::uint64_t ipa) const {
        auto i = intervals_.upper_bound(ipa);
        if (i == intervals_.begin()) {
            return std::nullopt;
        }
        --i;
        if (ipa >= i->second.end) {
            return std::nullopt;
        }
        return Found{i->second.pa + (ipa - i->first), i->second.attributes};
    }

    const std::map<std::uint64_t, Interval>& intervals() const { return intervals_; }

private:
    // Makes `at` a border, where something is mapped across it.
    void cut(std::uint64_t at) {
        auto i = intervals_.lower_bound(at);
        if (i == intervals_.begin()) {
            return;
        }
        --i;
        if (i->second.end > at) {
            const Interval rest{i->second.end, i->second.pa + (at - i->first),
                                i->second.attributes};
            i->second.end = at;
            intervals_[at] = rest;
        }
    }

    std::map<std::uint64_t, Interval> intervals_ = {};
};

} // namespace twofold::test
