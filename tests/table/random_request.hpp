// SPDX-License-Identifier: MIT
// RandomRequest: one operation with its arguments, drawn so that operations meet entries of every
// kind and each other.
#pragma once

#include "choices.hpp"
#include "geometries.hpp"
#include "interval_map.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace twofold::test {

enum class Operation : std::uint8_t {
    map,
    map_if_absent,
    unmap,
    protect,
    relax,
    make_young,
    write_protect,
    clear_young,
    collect_dirty,
    split,
    collapse,
    annotate,
    track_writes,
};
inline constexpr std::array<const char*, 13> operation_names = {
    "map",         "map_if_absent", "unmap", "protect",  "relax",    "make_young",  "write_protect",
    "clear_young", "collect_dirty", "split", "collapse", "annotate", "track_writes"};

struct RandomRequest {
    Operation operation = Operation::map;
    std::uint64_t ipa = 0;
    std::uint64_t length = 0;
    std::uint64_t pa = 0;
    Attributes attributes = {};
    std::uint64_t max_size = ~std::uint64_t{0};
    std::optional<std::uint64_t> budget = {}; // of each call, where the work is done in steps
    bool at_entry = false;                    // as a fault does it, at the entry that it has found

    std::uint64_t end() const { return ipa + length; }
    bool contains(std::uint64_t at) const { return ipa <= at && at < end(); }
};

inline std::string describe(const RandomRequest& r, const Geometry& geometry) {
    std::ostringstream out;
    const Permissions p = r.attributes.permissions;
    out << operation_names[static_cast<std::size_t>(r.operation)] << std::hex << " ipa 0x" << r.ipa
        << " length 0x" << r.length << " pa 0x" << r.pa << " max 0x" << r.max_size << " "
        << (p.read ? "r" : "-") << (p.write ? "w" : "-") << (p.execute_el1 ? "x" : "-")
        << (p.execute_el0 ? "u" : "-") << (r.attributes.access_flag ? " af" : "")
        << (r.attributes.dbm ? " dbm" : "") << (r.attributes.fnxs ? " fnxs" : "") << " in "
        << name_of(geometry);
    if (r.at_entry) {
        out << " at its entry";
    }
    if (r.budget) {
        out << " in steps of 0x" << *r.budget;
    }
    return out.str();
}

class RequestSource {
public:
    RequestSource(const Geometry& geometry, const CpuFeatures& features, Choices& choices)
        : geometry_{geometry},
          features_{features},
          choices_{choices} {
        // A few places where things meet: the start, the end, borders of large entries.
        windows_ = {0, geometry.ipa_limit()};
        for (Level level = geometry.initial_level(); level < page_level; ++level) {
            const std::uint64_t size = geometry.entry_size(level);
            windows_.push_back(size * below(geometry.ipa_limit() / size));
        }
    }

    RandomRequest next(const IntervalMap& mapped) {
        RandomRequest r;
        r.operation = static_cast<Operation>(below(operation_names.size()));
        pick_range(r);
        pick_pa(r);
        pick_attributes(r);
        if (choices_.one_in(5)) {
            r.budget = std::uint64_t{1} << (3 * choices_.below(4));
        }
        if (r.operation == Operation::relax || r.operation == Operation::map_if_absent) {
            r.at_entry = choices_.one_in(2);
        }
        if (r.operation == Operation::map && choices_.one_in(3)) {
            repeat_what_is_mapped(r, mapped);
        }
        return r;
    }

    std::uint64_t some_place() { return windows_[below(windows_.size())]; }

private:
    std::uint64_t below(std::uint64_t n) { return choices_.below(n); }
    std::uint64_t page() const { return geometry_.page_size(); }

    // Of a size around that of some level's entry.
    void pick_range(RandomRequest& r) {
        const Level level = geometry_.initial_level() + static_cast<int>(below(geometry_.levels()));
        const std::uint64_t entry = geometry_.entry_size(level);
        const std::uint64_t unit = choices_.one_in(2) ? entry : std::max(page(), entry >> below(6));
        std::uint64_t length = unit * (1 + below(4));
        if (choices_.one_in(4)) {
            length += page() * below(3);
        }
        length = std::min(length, geometry_.ipa_limit());
        const std::uint64_t around = some_place();
        const std::uint64_t back = unit * below(3) + (choices_.one_in(3) ? page() * below(4) : 0);
        std::uint64_t ipa =
            around - std::min(around, back + (around == geometry_.ipa_limit() ? length : 0));
        ipa = std::min(ipa, geometry_.ipa_limit() - length);
        r.ipa = align_down(ipa, page());
        r.length = align_down(length, page());
    }

    // Mostly congruent to the IPA modulo a large size, so that blocks appear.
    void pick_pa(RandomRequest& r) {
        const std::uint64_t limit = std::uint64_t{1} << geometry_.pa_bits();
        Level level = geometry_.top_leaf_level();
        if (choices_.one_in(3)) {
            const int levels = page_level - level + 1;
            level += static_cast<int>(below(static_cast<std::uint64_t>(levels)));
        }
        const std::uint64_t modulus = geometry_.entry_size(level);
        const std::uint64_t start = r.ipa % modulus;
        const std::uint64_t room = limit > start + r.length ? limit - start - r.length : 0;
        r.pa = start + (room / modulus != 0 ? below(room / modulus) * modulus : 0);
        if (r.pa + r.length > limit) {
            r.pa = 0;
        }
        // Keep the number of descriptors in bounds.
        r.length = std::min(r.length, std::max(page(), largest_leaf(r) * 600));
        if (choices_.one_in(6) && r.length / page() < 1500) {
            r.max_size = page() << below(12);
        }
    }
    // The largest size of which IPA and PA are the same remainder.
    std::uint64_t largest_leaf(const RandomRequest& r) const {
        Level level = geometry_.top_leaf_level();
        while (((r.ipa ^ r.pa) & (geometry_.entry_size(level) - 1)) != 0) {
            ++level;
        }
        return geometry_.entry_size(level);
    }

    void pick_attributes(RandomRequest& r) {
        constexpr MemoryType types[] = {MemoryType::normal_wb, MemoryType::normal_wb,
                                        MemoryType::normal_nc, MemoryType::device_nGnRE};
        Attributes& a = r.attributes;
        a.type = types[below(4)];
        a.permissions = {.read = true, .write = !choices_.one_in(3)};
        a.permissions.execute_el1 = choices_.one_in(2);
        a.permissions.execute_el0 = features_.xnx ? choices_.one_in(2) : a.permissions.execute_el1;
        a.access_flag = !choices_.one_in(8);
        a.dbm = features_.dirty_state && choices_.one_in(3);
        a.fnxs = features_.xs && choices_.one_in(4);
        a.software = static_cast<std::uint8_t>(below(16));
    }

    // The same again, or only other permissions: what may be done in place.
    void repeat_what_is_mapped(RandomRequest& r, const IntervalMap& mapped) {
        const auto old = mapped.find(r.ipa);
        if (!old) {
            return;
        }
        const Permissions permissions = r.attributes.permissions;
        r.pa = old->pa;
        r.length = std::min(r.length, page() * 512);
        if (!geometry_.fits(Pa{r.pa}, r.length)) {
            r.length = page();
        }
        r.attributes = old->attributes;
        if (choices_.one_in(2)) {
            r.attributes.permissions = permissions;
        }
    }

    const Geometry& geometry_;
    const CpuFeatures& features_;
    Choices& choices_;
    std::vector<std::uint64_t> windows_ = {};
};

} // namespace twofold::test
