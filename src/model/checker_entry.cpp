// SPDX-License-Identifier: MIT
// One entry changes: whether it may, by this kind of store and from this value to that.
#include <twofold/model/bits.hpp>
#include <twofold/model/checker.hpp>

namespace twofold::model {

void Checker::change(const Event& event) {
    const std::uint32_t page = page_of(event.address);
    if (page == no_index) {
        report(Rule::unknown_table, {.address = event.address}, event.before, event.after);
        return;
    }
    const At entry = at(page, static_cast<unsigned>(low_bits(
                                  event.address, granule_bits(config_.geometry.granule()))) /
                                  8);
    TablePage& p = pages_[page];
    if (p.state == PageState::detached) {
        forget(p.record);
    }
    if (event.kind == EventKind::adopt) {
        adopt(entry, event.before, event.after);
        return;
    }
    switch (p.state) {
    case PageState::live:
        check_store(entry, event);
        change_reachable(entry, event, true);
        return;
    case PageState::detached:
        check_store(entry, event);
        change_reachable(entry, event, false);
        return;
    case PageState::retired:
        // Who found the table before it was given back may go on until his section ends.
        if (cpu().sections == 0 || cpu().section_since > p.since) {
            report(Rule::unknown_table, entry, event.before, event.after);
        }
        return;
    case PageState::fresh:
    case PageState::left:
        return;
    }
}

void Checker::adopt(const At& entry, std::uint64_t before, std::uint64_t after) {
    if (pages_[entry.page].state != PageState::live) {
        return;
    }
    count_marked(entry, before, after);
    if (values_.is_table(after, entry.level)) {
        link(entry, values_.next_table(after), no_index);
    }
}

// By what kind of store an entry may change that a walker can read.
void Checker::check_store(const At& entry, const Event& event) {
    const bool live = pages_[entry.page].state == PageState::live;
    if (event.kind == EventKind::store) {
        report(Rule::plain_store_to_live, entry, event.before, event.after);
    } else if (event.kind == EventKind::publish && live) {
        // Nobody reads hardware's updates of what is detached.
        const bool valid = bit(event.before, 0);
        if (valid) {
            report(Rule::overwrites_valid, entry, event.before, event.after);
        } else if (config_.publish_needs_mark && field(event.before, 1, 0) != 0b10) {
            report(Rule::publish_not_owned, entry, event.before, event.after);
        }
    } else if (event.kind == EventKind::hardware_update) {
        check_hardware_update(entry, event);
    }
}

void Checker::change_reachable(const At& entry, const Event& event, bool live) {
    const std::uint64_t before = event.before;
    const std::uint64_t after = event.after;
    const bool hardware = event.kind == EventKind::hardware_update;
    if (before == after) {
        return;
    }
    if (!hardware) {
        check_format(entry, after);
    }
    const bool from_table = values_.is_table(before, entry.level);
    const bool to_table = values_.is_table(after, entry.level);
    const bool to_valid = to_table || values_.is_leaf(after, entry.level);
    const bool same_table =
        from_table && to_table && values_.next_table(before) == values_.next_table(after);
    if (values_.cacheable(before, entry.level) && !same_table && !hardware) {
        if (to_valid) {
            check_in_place(entry, before, after);
        }
        if (live) {
            const std::uint32_t old = add_old(entry, before, after);
            if (from_table) {
                detach(entry, values_.next_table(before), old);
            }
        }
    }
    if (live) {
        check_old_values(entry, after);
        if (config_.bbm >= 2 && to_valid && !to_table) {
            check_above(entry, after);
        }
    }
    if (to_table && !same_table) {
        link(entry, values_.next_table(after), live ? no_index : pages_[entry.page].record);
    } else if (!live && values_.cacheable(after, entry.level)) {
        // A call that came down before the table was unlinked: the leaf goes with the rest.
        OldValue& old = old_[pages_[entry.page].record];
        old.step = static_cast<std::uint8_t>(
            std::min<unsigned>(old.step, config_.geometry.shift(entry.level)));
    }
    if (live) {
        if (to_valid && !hardware && gives(entry.level, before, after)) {
            cpu().made_valid = number_;
        }
        count_marked(entry, before, after);
        if (!hardware && (pages_[entry.page].marked != 0 || CachedValues::contiguous(before))) {
            check_run(entry, false);
        }
    }
}

// Whether a guest may do something after the change that faulted before it.
bool Checker::gives(int level, std::uint64_t before, std::uint64_t after) const {
    if (!values_.is_leaf(before, level) || !values_.is_leaf(after, level)) {
        return true;
    }
    const bool aged = CachedValues::access_flag(before) || !CachedValues::access_flag(after);
    const std::uint64_t hint = std::uint64_t{1} << 52;
    return (CachedValues::fixed(before ^ after) & ~hint) != 0 || !aged ||
           (values_.grants(after) & ~values_.grants(before)) != 0;
}

// Valid to valid, where a TLB may have the first and a walker reads the second.
void Checker::check_in_place(const At& entry, std::uint64_t before, std::uint64_t after) {
    const bool leaf_before = values_.is_leaf(before, entry.level);
    const bool leaf_after = values_.is_leaf(after, entry.level);
    if (leaf_before && leaf_after) {
        const std::uint64_t changed = CachedValues::fixed(before ^ after);
        const std::uint64_t contiguous = std::uint64_t{1} << 52;
        // FEAT_BBM: level 1 has nT to announce a change of size, level 2 takes the Contiguous bit
        // as it comes.
        const std::uint64_t nt = entry.level < page_level ? std::uint64_t{1} << 16 : 0;
        const std::uint64_t allowed =
            (config_.bbm >= 1 ? nt : 0) | (config_.bbm >= 2 ? contiguous : 0);
        if ((changed & ~allowed) == 0) {
            return;
        }
    } else if (config_.bbm >= 2 && leaf_before != leaf_after) {
        const std::uint64_t block = leaf_before ? before : after;
        const std::uint64_t table = leaf_before ? after : before;
        if (same_translation(block, entry.level, values_.next_table(table))) {
            return;
        }
    }
    report(Rule::break_before_make, entry, before, after);
}

void Checker::check_format(const At& entry, std::uint64_t value) {
    if (!bit(value, 0)) {
        return;
    }
    const EntryKind kind = values_.kind(value, entry.level);
    if (kind == EntryKind::invalid) {
        report(Rule::kind_not_at_level, entry, 0, value);
        return;
    }
    if (kind != EntryKind::table) {
        check_leaf_format(entry, value);
        return;
    }
    const Geometry& g = config_.geometry;
    if (!g.fits(Pa{values_.next_table(value)}, g.page_size())) {
        report(Rule::table_out_of_range, entry, 0, value);
    }
    // Address bits below the granule; with the 64K granule [15:12] are upper ones.
    const unsigned granule = granule_bits(g.granule());
    std::uint64_t reserved = g.wide_64k() ? 0 : field(value, granule - 1, 11) >> 1;
    if (!g.lpa2()) {
        reserved |= field(value, 50, 48);
    }
    if (reserved != 0) {
        report(Rule::reserved_bits, entry, 0, value);
    }
}

void Checker::check_leaf_format(const At& entry, std::uint64_t value) {
    const Geometry& g = config_.geometry;
    if (!g.fits(Pa{values_.output(value, entry.level)}, entry.size)) {
        report(Rule::output_out_of_range, entry, 0, value);
    }
    // [1:0] type, [5:2] MemAttr, [7:6] S2AP, [9:8] SH, [10] AF, [11] FnXS, [51] DBM, [52]
    // Contiguous, [54:53] XN, [63:55] software's and ignored. [16] is nT in blocks.
    std::uint64_t known = 0xfff | (0x1fffULL << 51) | values_.address_mask(entry.level);
    if (entry.level < page_level) {
        known |= std::uint64_t{1} << 16;
    }
    if ((value & ~known) != 0) {
        report(Rule::reserved_bits, entry, 0, value);
    }
    if (!CachedValues::contiguous(value)) {
        return;
    }
    const unsigned run = g.contiguous_run(entry.level);
    if (run == 1) {
        report(Rule::contiguous_not_at_level, entry, 0, value);
        return;
    }
    // The output counts from the start of the run; the upper address bits play no part in that.
    const std::uint64_t offset = (entry.index % run) * entry.size;
    if (low_bits(values_.output(value, entry.level) - offset, log2_of(run * entry.size)) != 0) {
        report(Rule::contiguous_misaligned, entry, 0, value);
    }
}

// AF is set, or the write bit of a leaf that allows that; nothing else.
void Checker::check_hardware_update(const At& entry, const Event& event) {
    constexpr std::uint64_t af = std::uint64_t{1} << 10;
    constexpr std::uint64_t write = std::uint64_t{1} << 7;
    std::uint64_t allowed = config_.hardware_access_flag ? af : 0;
    if (config_.hardware_dirty_state && CachedValues::dirty_state(event.before) &&
        values_.is_leaf(event.before, entry.level)) {
        allowed |= write;
    }
    const bool only_sets = (event.before & ~event.after) == 0;
    if (!bit(event.before, 0) || !only_sets || ((event.before ^ event.after) & ~allowed) != 0) {
        report(Rule::hardware_update, entry, event.before, event.after);
    }
}

// With FEAT_BBM level 2, whether a TLB may have both: a change of size, or of the Contiguous bit.
bool Checker::tolerates(const At& entry, const OldValue& old, std::uint64_t after) {
    if (config_.bbm < 2) {
        return false;
    }
    const bool leaf = values_.is_leaf(after, entry.level);
    if (leaf && !old.table) {
        return CachedValues::fixed(old.value ^ after) == std::uint64_t{1} << 52;
    }
    // Permissions may have changed beside; what has to go of them does so by its own rules.
    const auto as_block = [&](std::uint64_t d) {
        return values_.is_leaf(d, entry.level)
                   ? d
                   : first_leaf_as_block(values_.next_table(d), entry.level);
    };
    const std::uint64_t before_block = as_block(old.value);
    const std::uint64_t after_block = as_block(after);
    const auto maps_it = [&](std::uint64_t d, std::uint64_t block) {
        return values_.is_leaf(d, entry.level) ||
               same_translation(block, entry.level, values_.next_table(d));
    };
    const std::uint64_t hint = std::uint64_t{1} << 52;
    return values_.is_leaf(before_block, entry.level) &&
           (CachedValues::fixed(before_block ^ after_block) & ~hint) == 0 &&
           maps_it(old.value, before_block) && maps_it(after, after_block);
}

// What has become of an old value by a later change. That it has to go is from now on the affair of
// the CPU that made it so.
void Checker::require(OldValue& old, Need need) {
    if (need < old.need) {
        old.own_done = false;
        old.storer = event_.cpu;
        old.stored_at = number_;
        old.stage = Stage::stored;
        old.local = false;
    }
    old.need = need;
}

// What a TLB may still have of this entry, beside what is there from now on.
void Checker::check_old_values(const At& entry, std::uint64_t after) {
    const bool leaf = values_.is_leaf(after, entry.level);
    const bool table = values_.is_table(after, entry.level);
    for (std::uint32_t index = old_.find(entry.address); index != no_index;) {
        const std::uint32_t next = old_.find_next(index);
        OldValue& old = old_[index];
        if (forget(index)) {
            // Nobody has it any more.
        } else if (!leaf && !table) {
            require(old, Need::required);
        } else if (old.table ? table && values_.next_table(old.value) == values_.next_table(after)
                             : leaf && values_.same_leaf(old.value, after) &&
                                   CachedValues::access_flag(after)) {
            drop_old(index); // it is what is there again
        } else if (leaf && !old.table &&
                   CachedValues::fixed(old.value) == CachedValues::fixed(after)) {
            require(old, need(entry.level, old.value, after));
        } else if (old.stored_at != number_ && !tolerates(entry, old, after)) {
            report(Rule::remade_too_early, entry, old.value, after, cause(old));
            drop_old(index);
        }
        index = next;
    }
}

// With FEAT_BBM level 2 a TLB may have a block that was split, beside the leaves that it was split
// into: these may not come to say something else before it is gone.
void Checker::check_above(const At& entry, std::uint64_t after) {
    std::uint32_t page = entry.page;
    while (pages_[page].parent != no_index) {
        const At above = at(pages_[page].parent, pages_[page].parent_index);
        if (above.level >= pages_[page].level) {
            return; // what was above has been given back, which was reported
        }
        for (std::uint32_t index = old_.find(above.address); index != no_index;
             index = old_.find_next(index)) {
            const OldValue& old = old_[index];
            if (old.table || complete(old)) {
                continue;
            }
            const std::uint64_t output =
                values_.output(old.value, above.level) + (entry.ipa - above.ipa);
            const std::uint64_t free =
                values_.address_mask(page_level) | 3 | 1ULL << 52 | 1ULL << 16;
            if (values_.output(after, entry.level) != output ||
                (CachedValues::fixed(old.value ^ after) & ~free) != 0) {
                report(Rule::remade_too_early, entry, old.value, after, cause(old));
                return;
            }
        }
        page = above.page;
    }
}

} // namespace twofold::model
