// SPDX-License-Identifier: MIT
// What a TLBI takes out of the TLBs, and what it does not.
#include <twofold/model/bits.hpp>
#include <twofold/model/checker.hpp>

namespace twofold::model {

void Checker::tlbi(const Event& event) {
    const TlbiCover cover = decode_tlbi(config_, event.tlbi);
    if (!cover.well_formed) {
        report(Rule::tlbi_operand, {.ipa = cover.start}, 0, event.tlbi.operand);
    }
    CheckedCpu& c = cpu();
    if (c.vmid != config_.vmid) {
        report(Rule::tlbi_wrong_vmid, {.ipa = cover.start}, config_.vmid, c.vmid);
        return;
    }
    c.tlbi_without_isb = true;
    c.combined_pending =
        c.combined_pending || cover.kind == TlbiKind::vmalle1 || cover.kind == TlbiKind::vmalls12;
    for (std::uint32_t page = first_with_old_; page != no_index;) {
        const TablePage& p = pages_[page];
        const std::uint32_t next_page = p.next_with_old;
        const std::uint64_t size = static_cast<std::uint64_t>(entries(p))
                                   << config_.geometry.shift(p.level);
        if (cover.overlaps(p.ipa, p.ipa + size)) {
            for (std::uint32_t index = p.first_old; index != no_index;) {
                const std::uint32_t next = old_[index].next_in_page;
                invalidate(cover, index);
                index = next;
            }
        }
        page = next_page;
    }
}

void Checker::invalidate(const TlbiCover& cover, std::uint32_t index) {
    if (forget(index)) {
        return;
    }
    OldValue& old = old_[index];
    if (cover.kind == TlbiKind::vmalle1) {
        invalidate_combined(cover, old);
        return;
    }
    const At entry = at(old);
    if (!cover.overlaps(entry.ipa, entry.ipa + entry.size)) {
        return;
    }
    // One CPU's steps count: that of the one that changed the entry, or who came first.
    const bool mine = event_.cpu == old.issuer && old.stage != Stage::stored;
    if (old.stage != Stage::stored && !mine && event_.cpu != old.storer) {
        return;
    }
    if (mine && complete(old) && cover.kind != TlbiKind::vmalls12) {
        return; // the first has done it already
    }
    if (const Cause cause = misses(cover, old); cause != Cause::none) {
        if (old.stage == Stage::stored) {
            old.near_miss = cause;
        }
        return;
    }
    if (!visible(old, cover.local)) {
        old.near_miss = Cause::store_not_visible;
        if (old.storer == event_.cpu) {
            report(Rule::tlbi_before_dsb, entry, old.value, load(entry.address));
        }
        return;
    }
    if (old.stage == Stage::stored && old.issuer != event_.cpu) {
        old.covered = entry.ipa;
    }
    const std::uint64_t end = entry.ipa + entry.size;
    if (old.table && cover.kind != TlbiKind::vmalls12) {
        cover_table(cover, old, entry.ipa, end);
        if (old.covered < end) {
            return;
        }
    }
    old.stage = cover.kind == TlbiKind::vmalls12 ? Stage::combined : Stage::removed;
    old.issuer = event_.cpu;
    old.issued_at = number_;
    old.nxs = cover.nxs;
    old.local = cover.local;
}

// Combined entries go for good only if no walk can make one of the stage-2 entry any more.
void Checker::invalidate_combined(const TlbiCover& cover, OldValue& old) {
    if (old.stage != Stage::removed || (cover.local && !old.local)) {
        return;
    }
    if (cover.nxs && old.xs) {
        return;
    }
    if (!complete(old)) {
        if (old.issuer == event_.cpu) {
            const At entry = at(old);
            report(Rule::vmalle1_before_dsb, entry, old.value, load(entry.address));
        }
        return;
    }
    if (old.local && old.issuer != event_.cpu) {
        return;
    }
    old.stage = Stage::combined;
    old.issuer = event_.cpu;
    old.issued_at = number_;
    old.nxs = cover.nxs;
    old.local = cover.local || old.local;
}

Cause Checker::misses(const TlbiCover& cover, const OldValue& old) {
    const bool local_is_enough = old.need == Need::upgrade && event_.cpu == old.storer;
    if (cover.local && !local_is_enough) {
        return Cause::local_only;
    }
    if (cover.other_granule && cover.kind != TlbiKind::vmalls12) {
        return Cause::other_granule;
    }
    if (cover.nxs && old.xs) {
        return Cause::nxs_only;
    }
    if (old.table && cover.last_level) {
        return Cause::last_level_only;
    }
    // A hint says where the leaf is; a table descriptor has none of its own.
    if (cover.level && (old.table || *cover.level != at(old).level)) {
        return Cause::other_level;
    }
    if (CachedValues::contiguous(old.value) && !old.table && run_still_marked(old)) {
        return Cause::run_still_marked;
    }
    return Cause::none;
}

// A walker that reads another entry of the run, marked still, may cache by it what this entry does
// not say any more. Dirty state is the run's, not the entry's.
bool Checker::run_still_marked(const OldValue& old) {
    if (pages_[old.page].marked == 0) {
        return false;
    }
    const At entry = at(old);
    const std::uint64_t now = load(entry.address);
    const unsigned run = config_.geometry.contiguous_run(entry.level);
    const unsigned first = entry.index - entry.index % run;
    for (unsigned i = first; i < first + run; ++i) {
        const std::uint64_t other = load(at(old.page, i).address);
        if (i == entry.index || !values_.is_leaf(other, entry.level) ||
            !CachedValues::contiguous(other)) {
            continue;
        }
        unsigned more = values_.grants(other);
        if (values_.is_leaf(now, entry.level)) {
            more &= ~values_.grants(now);
        }
        if ((CachedValues::dirty_state(other) ? more & ~2U : more) != 0) {
            return true;
        }
    }
    return false;
}

// Operations go upwards: what is covered is what lies below `old.covered`.
void Checker::cover_table(const TlbiCover& cover, OldValue& old, std::uint64_t from,
                          std::uint64_t to) {
    if (old.stage != Stage::stored) {
        old.covered = from;
    }
    old.issuer = event_.cpu;
    // An address stands for the smallest entry around it.
    std::uint64_t start = cover.start;
    std::uint64_t end = cover.end;
    if (cover.kind == TlbiKind::ipas2) {
        start = clear_low_bits(start, old.step);
        end = start + (std::uint64_t{1} << old.step);
    }
    if (start <= old.covered && end > old.covered) {
        old.covered = end < to ? end : to;
    }
}

bool Checker::visible(const OldValue& old, bool local) const {
    const CheckedCpu& c = cpus_[old.storer];
    return (local ? c.stores_here : c.stores_everywhere) > old.stored_at;
}

} // namespace twofold::model
