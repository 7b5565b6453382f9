// SPDX-License-Identifier: MIT
// Descending.
#include "tools/map/tree.hpp"

#include <unordered_map>

namespace twofold::tool {

namespace {

class Descent {
public:
    Descent(const Regime& regime, MemorySource& memory, TreeVisitor& visitor, std::uint64_t limit)
        : regime_{regime},
          geometry_{*regime.geometry()},
          format_{regime.format()},
          memory_{memory},
          visitor_{visitor},
          limit_{limit} {}

    TreeReport run();

private:
    bool descend(Pa table, Level level, Ipa start, unsigned entries);
    bool visit(Pa address, Level level, Ipa ipa, bool& incomplete);
    bool visit_table(Descriptor descriptor, Level level, Ipa ipa);
    bool say(const TreeEntry& entry) {
        if (visitor_.visit(entry)) {
            return true;
        }
        report_.stopped_at = entry.ipa;
        return false;
    }
    // Tables are aligned to their size, so that the level fits below the address.
    static std::uint64_t key(Pa table, Level level) {
        return table.value | static_cast<std::uint64_t>(level + 1);
    }

    const Regime& regime_;
    const Geometry& geometry_;
    DescriptorFormat format_;
    MemorySource& memory_;
    TreeVisitor& visitor_;
    std::uint64_t limit_;
    std::unordered_map<std::uint64_t, Ipa> reached_;
    TreeReport report_;
};

TreeReport Descent::run() {
    const Level initial = geometry_.initial_level();
    const Pa root = regime_.root();
    if (!geometry_.fits(root, 0)) {
        for (unsigned i = 0; i < geometry_.entries(initial); ++i) {
            if (!say({.ipa = Ipa{i * geometry_.entry_size(initial)},
                      .level = initial,
                      .kind = TreeEntryKind::out_of_range,
                      .descriptor = {},
                      .same_as = {}})) {
                break;
            }
        }
        return report_;
    }
    unsigned left = geometry_.entries(initial);
    for (unsigned table = 0; table < geometry_.root_tables(); ++table) {
        const unsigned entries = std::min(left, geometry_.entries_below_root());
        const Ipa start{table * geometry_.entries_below_root() * geometry_.entry_size(initial)};
        if (!descend(root + table * geometry_.page_size(), initial, start, entries)) {
            break;
        }
        left -= entries;
    }
    return report_;
}

bool Descent::descend(Pa table, Level level, Ipa start, unsigned entries) {
    if (report_.tables == limit_) {
        report_.stopped_at = start;
        report_.too_many_tables = true;
        return false;
    }
    ++report_.tables;
    reached_.emplace(key(table, level), start);
    bool incomplete = false;
    for (unsigned i = 0; i < entries; ++i) {
        if (!visit(table + i * sizeof(Descriptor), level, start + i * geometry_.entry_size(level),
                   incomplete)) {
            return false;
        }
    }
    report_.incomplete += incomplete ? 1 : 0;
    return true;
}

bool Descent::visit(Pa address, Level level, Ipa ipa, bool& incomplete) {
    TreeEntry entry{
        .ipa = ipa, .level = level, .kind = TreeEntryKind::unread, .descriptor = {}, .same_as = {}};
    const auto word = memory_.load(address);
    if (!word) {
        incomplete = true;
        return say(entry);
    }
    entry.descriptor = {regime_.in_memory(*word)};
    switch (format_.kind(entry.descriptor, level)) {
    case EntryKind::table:
        return visit_table(entry.descriptor, level, ipa);
    case EntryKind::block:
    case EntryKind::page:
        entry.kind = TreeEntryKind::leaf;
        break;
    case EntryKind::invalid:
        entry.kind = entry.descriptor.value == 0 ? TreeEntryKind::hole
                     : entry.descriptor.valid()  ? TreeEntryKind::reserved
                                                 : TreeEntryKind::invalid;
        break;
    }
    return say(entry);
}

bool Descent::visit_table(Descriptor descriptor, Level level, Ipa ipa) {
    TreeEntry entry{.ipa = ipa,
                    .level = level,
                    .kind = TreeEntryKind::out_of_range,
                    .descriptor = descriptor,
                    .same_as = {}};
    const Pa table = format_.next_table(descriptor);
    if (!geometry_.fits(table, 0)) {
        return say(entry);
    }
    const Level below = level + 1;
    if (const auto found = reached_.find(key(table, below)); found != reached_.end()) {
        entry.kind = TreeEntryKind::again;
        entry.same_as = found->second;
        return say(entry);
    }
    return descend(table, below, ipa, geometry_.entries_below_root());
}

} // namespace

TreeReport visit_tree(const Regime& regime, MemorySource& memory, TreeVisitor& visitor,
                      std::uint64_t table_limit) {
    return Descent{regime, memory, visitor, table_limit}.run();
}

} // namespace twofold::tool
