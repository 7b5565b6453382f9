// SPDX-License-Identifier: MIT
#include "operation.hpp"

#include "hash.hpp"

#include <array>
#include <cstdio>

namespace twofold::test {

namespace {

constexpr std::uint64_t access_flag = std::uint64_t{1} << 10;
constexpr std::uint64_t write_allowed = std::uint64_t{1} << 7;
constexpr std::uint64_t dirty_bit_modifier = std::uint64_t{1} << 51;

constexpr std::array names{"map",           "map_if_absent", "unmap",         "protect",
                           "relax",         "write_protect", "make_young",    "young",
                           "collect_dirty", "track_writes",  "split",         "collapse",
                           "annotate",      "lookup",        "hardware read", "hardware write"};

Result result_of(const std::expected<void, Error>& r, const Progress& progress, Ipa start, Ipa end,
                 std::uint64_t value) {
    if (r) {
        return {.kind = Result::Kind::done, .next = end, .value = value};
    }
    if (progress.next > start) {
        return {.kind = Result::Kind::done, .next = progress.next, .value = value};
    }
    return r.error() == Error::again ? Result{}
                                     : Result{.kind = Result::Kind::error, .error = r.error()};
}

// Pages that a sweep reports, whatever the size of the leaves: a sum, so that each counts once.
struct Pages {
    std::uint64_t sum = 0;
    std::uint64_t page = 0;
    void operator()(Ipa start, std::uint64_t size) {
        for (std::uint64_t at = 0; at < size; at += page) {
            sum += scramble(start.value + at + 1);
        }
    }
};

// The walk of a CPU that sets AF and dirty state (VTCR_EL2.HA and HD), a step at a time. A fault is
// an access that was not made.
Result access(World& world, std::uint64_t ipa, bool write) {
    constexpr unsigned restarts = 16;
    const WalkShape& shape = world.shape();
    std::uint64_t table = shape.root;
    int level = shape.initial_level;
    for (unsigned n = 0; n < restarts;) {
        const auto i =
            static_cast<unsigned>((ipa >> shape.shift(level)) & (shape.entries(level) - 1));
        const auto d = world.hardware_load(ipa, table, level, i);
        if (d && shape.is_table(*d, level)) {
            table = shape.next_table(*d);
            ++level;
            continue;
        }
        if (d && !shape.is_leaf(*d, level)) {
            return {};
        }
        std::uint64_t after = d.value_or(0) | access_flag;
        if (write && (after & dirty_bit_modifier) != 0) {
            after |= write_allowed;
        }
        if (d && write && (after & write_allowed) == 0) {
            return {};
        }
        if (d && (after == *d || world.hardware_update(ipa, table, level, i, *d, after))) {
            const std::uint64_t offset = ipa & ((std::uint64_t{1} << shape.shift(level)) - 1);
            return {.kind = Result::Kind::done, .value = shape.address(*d, level) + offset};
        }
        table = shape.root;
        level = shape.initial_level;
        ++n;
    }
    return {};
}

Result look_up(Stage2<ExplorePort>& table, Ipa ipa) {
    const auto found = table.lookup(ipa);
    if (!found) {
        return {.kind = Result::Kind::error, .error = found.error()};
    }
    if (invalid_entry::is_broken(found->raw)) {
        return {};
    }
    Result result{.kind = Result::Kind::done};
    if (found->annotation) {
        result.value = mix(1, *found->annotation);
    } else if (found->mapping) {
        const Mapping& m = *found->mapping;
        const Permissions p = m.attributes.permissions;
        const unsigned bits = (p.read ? 1U : 0U) | (p.write ? 2U : 0U) | (p.execute_el1 ? 4U : 0U) |
                              (p.execute_el0 ? 8U : 0U) | (m.attributes.access_flag ? 16U : 0U);
        result.value = mix(m.pa.value + (ipa - m.ipa), bits);
    }
    return result;
}

} // namespace

std::string to_string(const Operation& o) {
    char text[80];
    std::snprintf(text, sizeof text, "%s %#llx+%#llx", names[static_cast<std::size_t>(o.verb)],
                  static_cast<unsigned long long>(o.ipa.value),
                  static_cast<unsigned long long>(o.length));
    return text;
}

Result run(Stage2<ExplorePort>& table, World& world, const Operation& o, Invalidation& owed) {
    constexpr Attributes attributes{.permissions = {.read = true, .write = true}};
    constexpr std::uint32_t owner = 7;
    Progress progress;
    Pages pages{.page = table.geometry().page_size()};
    const Ipa end = o.ipa + o.length;
    const MapRequest request{
        .ipa = o.ipa, .pa = o.pa, .length = o.length, .attributes = attributes};
    const auto visit = [&](Ipa start, std::uint64_t size) { pages(start, size); };
    const auto changed = [&](const std::expected<void, Error>& r) {
        return result_of(r, progress, o.ipa, end, pages.sum);
    };
    switch (o.verb) {
    case Verb::map:
        return changed(table.map(request, owed, &progress));
    case Verb::map_if_absent:
        return changed(table.map_if_absent(request, &progress));
    case Verb::unmap:
        return changed(table.unmap(o.ipa, o.length, owed, &progress));
    case Verb::protect:
        return changed(table.protect(o.ipa, o.length, {.read = true}, owed, &progress));
    case Verb::relax:
        return changed(table.relax(o.ipa, {.write = true, .execute_el1 = true}, owed));
    case Verb::write_protect:
        return changed(table.write_protect(o.ipa, o.length, owed, &progress));
    case Verb::make_young:
        return changed(table.make_young(o.ipa));
    case Verb::test_and_clear_young:
        return changed(table.test_and_clear_young(o.ipa, o.length, visit, &owed, &progress));
    case Verb::collect_dirty:
        return changed(table.collect_dirty(o.ipa, o.length, owed, visit, &progress));
    case Verb::track_writes:
        return changed(table.track_writes(o.ipa, o.length, owed, visit, &progress));
    case Verb::split:
        return changed(table.split(o.ipa, o.length, o.leaf, owed, &progress));
    case Verb::collapse: {
        const auto made = table.collapse(o.ipa, o.length, owed, ~std::uint64_t{0}, &progress);
        return made ? Result{.kind = Result::Kind::done, .next = end}
                    : changed(std::unexpected(made.error()));
    }
    case Verb::annotate:
        return changed(table.annotate(o.ipa, o.length, owner, owed, &progress));
    case Verb::lookup:
        return look_up(table, o.ipa);
    case Verb::hardware_read:
        return access(world, o.ipa.value, false);
    case Verb::hardware_write:
        return access(world, o.ipa.value, true);
    }
    return {};
}

} // namespace twofold::test
