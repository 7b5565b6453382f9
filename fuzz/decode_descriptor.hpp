// SPDX-License-Identifier: MIT
// A descriptor of any 64 bits, read by the engine's formats and by a walk that meets it.
#pragma once

#include "check.hpp"
#include "cpu.hpp"
#include "table/geometries.hpp"

#include <twofold/model/walk_descriptor.hpp>
#include <twofold/model/walker.hpp>

#include <optional>

namespace twofold::fuzz {

// The walker's CPU is the engine's; where the architecture leaves a choice, it does not fault.
inline model::WalkConfig walk_config_of(const CpuFeatures& f, const Geometry& g, Pa root) {
    model::WalkConfig config = test::walk_config(f, g, root, {});
    config.choices.nt_faults = false;
    config.choices.contiguous_faults = false;
    config.choices.fetch_from_device_faults = false;
    return config;
}

// Table descriptors down to `level`, where one descriptor is found.
class OneDescriptor {
public:
    OneDescriptor(Level first, Level level, std::uint64_t table, std::uint64_t descriptor)
        : at_{first},
          level_{level},
          table_{table},
          descriptor_{descriptor} {}
    std::optional<std::uint64_t> load(Pa) { return at_++ == level_ ? descriptor_ : table_; }
    std::optional<std::uint64_t> compare_exchange(Pa, std::uint64_t, std::uint64_t) {
        check(false, "a walk without hardware updates stores nothing");
        return std::nullopt;
    }

private:
    Level at_;
    Level level_;
    std::uint64_t table_;
    std::uint64_t descriptor_;
};

// Whether MemAttr is one of those that encode_memory_type() writes, or reads in one way only.
inline bool is_plain_type(std::uint64_t attr, bool fwb) {
    const std::uint64_t outer = attr >> 2;
    const std::uint64_t inner = attr & 3;
    return fwb || outer == 0 || outer == inner;
}

inline void compare_types(MemoryType engine, const model::MemoryAttributes& walker) {
    const bool device = walker.type == model::MemoryType::device;
    check(is_device(engine) == device, "Device or Normal");
    if (device) {
        check(static_cast<unsigned>(engine) == static_cast<unsigned>(walker.device),
              "the type of Device");
        return;
    }
    switch (engine) {
    case MemoryType::normal_nc:
        check(walker.inner == model::Cacheability::non_cacheable, "Non-cacheable");
        break;
    case MemoryType::normal_wt:
        check(walker.inner == model::Cacheability::write_through, "Write-Through");
        break;
    default: // the access came with Write-Back, so "as stage 1" is that, too
        check(walker.inner == model::Cacheability::write_back, "Write-Back");
        break;
    }
}

inline void compare_leaf(const CpuFeatures& f, const Geometry& g, const DescriptorFormat& format,
                         Descriptor d, Level level, const model::WalkResult& walked,
                         std::uint64_t offset) {
    const AttributeFormat attributes{.fwb = f.fwb, .xnx = f.xnx, .lpa2 = g.lpa2()};
    const Attributes a = attributes.decode(d.value, level);
    const Pa output = format.output(d, level);
    check(output.is_aligned(g.entry_size(level)), "an output is aligned to its size");
    // Encoded and decoded once more, nothing changes.
    if (const auto again = attributes.encode(a)) {
        check(attributes.decode(*again, level) == a, "attributes survive encode and decode");
        const Descriptor same = format.leaf(level, output, *again);
        check(format.output(same, level) == output, "an output survives encode and decode");
        check(format.kind(same, level) == format.kind(d, level), "a kind survives");
    } else {
        check(false, "what was decoded can be encoded");
    }
    if (d.contiguous()) {
        return; // the walker's leaf is the whole run
    }
    if (!g.fits(output, 0) || (output.value + offset) >> g.pa_bits() != 0) {
        check(walked.faulted(model::FaultKind::address_size, level), "an output out of reach");
        return;
    }
    if (!a.access_flag) {
        check(walked.faulted(model::FaultKind::access_flag, level), "an access flag fault");
        return;
    }
    if (!a.permissions.read) {
        check(walked.faulted(model::FaultKind::permission, level), "a permission fault");
        return;
    }
    check(walked.translated(), "what may be read translates");
    const auto& t = walked.translation;
    check(t.pa.value == output.value + offset && t.level == level, "the same output");
    check(t.permissions.read == a.permissions.read && t.permissions.write == a.permissions.write &&
              t.permissions.execute_el1 == a.permissions.execute_el1 &&
              t.permissions.execute_el0 == a.permissions.execute_el0,
          "the same permissions");
    const std::uint64_t attr = (d.value >> 2) & 15;
    if (is_plain_type(attr, f.fwb)) {
        compare_types(a.type, t.stage2);
    }
}

inline void decode_descriptor(ByteChoices& choices) {
    const CpuFeatures f = choose_features(choices);
    const Geometry g = choose_geometry(choices, f);
    const Level level = g.initial_level() + static_cast<int>(choices.below(g.levels()));
    const Descriptor d{choices.word()};
    const std::uint64_t ipa = choices.below(g.ipa_limit());
    const Pa root{};

    const DescriptorFormat format{g};
    const model::WalkConfig config = walk_config_of(f, g, root);
    OneDescriptor memory{g.initial_level(), level, format.table(Pa{}).value, d.value};
    const auto walked = model::walk(config, memory, Ipa{ipa}, {});

    switch (format.kind(d, level)) {
    case EntryKind::invalid:
        check(!format.is_leaf(d, level) && !format.is_table(d, level), "invalid is nothing else");
        check(walked.faulted(model::FaultKind::translation, level), "invalid does not translate");
        break;
    case EntryKind::table: {
        check(format.is_table(d, level) && level != page_level, "a table is above the pages");
        const Pa next = format.next_table(d);
        check(next.is_aligned(g.page_size()), "a table is aligned");
        if (next.value >> g.pa_bits() != 0) {
            check(walked.faulted(model::FaultKind::address_size, level), "a table out of reach");
        } else {
            // The walk goes on at this table, into a table descriptor: reserved among pages no.
            check(walked.visits.size() > static_cast<unsigned>(level - g.initial_level()) + 1,
                  "a walk goes on below a table");
            const auto& below = walked.visits[static_cast<unsigned>(level - g.initial_level()) + 1];
            check(below.address.align_down(g.page_size()) == next, "the same next table");
            check(format.next_table(format.table(next)) == next, "a table survives");
        }
        break;
    }
    case EntryKind::block:
    case EntryKind::page:
        compare_leaf(f, g, format, d, level, walked, ipa & (g.entry_size(level) - 1));
        break;
    }
}

} // namespace twofold::fuzz
