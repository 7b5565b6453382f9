// SPDX-License-Identifier: MIT
// The checker's events in general: barriers, contexts, sections, the end of a call, and reports.
#include <twofold/arch/vttbr.hpp>
#include <twofold/model/bits.hpp>
#include <twofold/model/checker.hpp>

#include <algorithm>

namespace twofold::model {
namespace {

constexpr std::size_t history_length = 128;

} // namespace

Checker::Checker(const CheckerConfig& config, MemoryRef memory, std::span<std::byte> arena,
                 ReportRef receiver)
    : config_{config},
      values_{config},
      memory_{memory},
      receiver_{receiver},
      arena_{arena},
      history_{arena_.take(history_length, NumberedEvent{})},
      // A quarter: a page may hold hundreds of old values, but most hold none.
      pages_{arena_, arena_.left() / 4},
      old_{arena_, arena_.left()} {
    for (CheckedCpu& cpu : cpus_) {
        cpu.vmid = config.vmid;
    }
}

void Checker::on(const Event& event) {
    ++number_;
    event_ = event;
    if (!history_.empty()) {
        history_[number_ % history_.size()] = {number_, event};
    }
    if (event.cpu >= max_cpus) {
        report(Rule::too_many_cpus, {}, 0, 0);
        return;
    }
    switch (event.kind) {
    case EventKind::store:
    case EventKind::publish:
    case EventKind::exchange:
    case EventKind::clear_bits:
    case EventKind::compare_exchange:
    case EventKind::hardware_update:
    case EventKind::adopt:
        change(event);
        break;
    case EventKind::allocate:
        allocate(event);
        break;
    case EventKind::free:
        give_back(event, false);
        break;
    case EventKind::retire:
        give_back(event, true);
        break;
    case EventKind::barrier:
        barrier(event);
        break;
    case EventKind::tlbi:
        tlbi(event);
        break;
    case EventKind::context:
        context(event);
        break;
    case EventKind::section_begin:
        section_begin(cpu());
        break;
    case EventKind::section_end:
        section_end(event, cpu());
        break;
    case EventKind::settled:
        settle(event, false);
        break;
    case EventKind::all_done:
        settle(event, true);
        break;
    case EventKind::teardown:
        teardown();
        break;
    }
}

void Checker::barrier(const Event& event) {
    CheckedCpu& c = cpu();
    switch (event.barrier) {
    case Barrier::dsb_ish:
        c.all_everywhere = number_;
        [[fallthrough]];
    case Barrier::dsb_ish_nxs:
        c.nxs_everywhere = number_;
        [[fallthrough]];
    case Barrier::dsb_ishst:
        c.stores_everywhere = number_;
        break;
    default:
        break;
    }
    switch (event.barrier) {
    case Barrier::dsb_ish:
    case Barrier::dsb_nsh:
        c.all_here = number_;
        [[fallthrough]];
    case Barrier::dsb_ish_nxs:
    case Barrier::dsb_nsh_nxs:
        c.nxs_here = number_;
        [[fallthrough]];
    case Barrier::dsb_ishst:
    case Barrier::dsb_nshst:
        c.stores_here = number_;
        break;
    case Barrier::isb:
        c.tlbi_without_isb = false;
        return;
    }
    const bool completes =
        event.barrier != Barrier::dsb_ishst && event.barrier != Barrier::dsb_nshst;
    if (completes && c.combined_pending) {
        c.combined_pending = false;
        for_each_old([&](std::uint32_t old) { forget(old); });
    }
}

void Checker::context(const Event& event) {
    const Vttbr vttbr{event.after};
    const bool wide_vmid = bit(event.before, 19); // VTCR_EL2.VS
    cpu().vmid = static_cast<unsigned>(field(vttbr.value, wide_vmid ? 63 : 55, 48));
    if (cpu().vmid == config_.vmid) {
        attach(vttbr.root(config_.geometry).value);
    }
}

void Checker::section_begin(CheckedCpu& cpu) {
    if (cpu.sections++ == 0) {
        cpu.section_since = number_;
    }
}

void Checker::section_end(const Event& event, CheckedCpu& cpu) {
    if (cpu.sections == 0) {
        report(Rule::sections_unbalanced, {}, 0, 0);
        return;
    }
    if (--cpu.sections == 0) {
        close_runs(event.cpu, false, false);
        if (cpu.made_valid > cpu.stores_here) {
            report(Rule::missing_dsb, {}, 0, 0);
            cpu.made_valid = 0;
        }
    }
}

void Checker::settle(const Event& event, bool all_cpus) {
    for_each_old([&](std::uint32_t index) {
        OldValue& old = old_[index];
        if (forget(index) || (!all_cpus && old.storer != event.cpu)) {
            return;
        }
        const At entry = at(old);
        if (old.need == Need::required) {
            report(Rule::left_in_tlb, entry, old.value, load(entry.address), cause(old));
            drop_old(index);
        } else if (old.need == Need::upgrade && !old.own_done) {
            report(Rule::upgrade_left_in_tlb, entry, old.value, load(entry.address), cause(old));
            old.own_done = true;
        }
    });
    close_runs(event.cpu, all_cpus, true);
    CheckedCpu& c = cpu();
    if (c.tlbi_without_isb) {
        report(Rule::missing_isb, {}, 0, 0);
        c.tlbi_without_isb = false;
    }
    if (c.sections == 0 && c.made_valid > c.stores_here) {
        report(Rule::missing_dsb, {}, 0, 0);
        c.made_valid = 0;
    }
}

void Checker::report(Rule rule, const At& at, std::uint64_t before, std::uint64_t after,
                     Cause cause) {
    ++reports_;
    ++by_rule_[static_cast<unsigned>(rule)];
    Report all{.number = number_,
               .event = event_,
               .rule = rule,
               .cause = cause,
               .ipa = at.ipa,
               .level = at.level,
               .entry = at.address,
               .before = before,
               .after = after};
    const auto concerns = [&](const NumberedEvent& e) {
        return e.number != 0 && e.number <= number_ && number_ - e.number < history_.size() &&
               (e.event.kind == EventKind::barrier || e.event.kind == EventKind::tlbi ||
                (e.event.changes_entry() && e.event.address == at.address));
    };
    // Backwards to find the last few, then forwards to tell them in order.
    std::uint64_t first = number_;
    std::size_t count = 0;
    for (std::uint64_t n = number_; n > 0 && count < 8 && number_ - n < history_.size(); --n) {
        if (concerns(history_[n % history_.size()])) {
            first = n;
            ++count;
        }
    }
    for (std::uint64_t n = first; n <= number_ && count != 0; ++n) {
        const NumberedEvent& e = history_[n % history_.size()];
        if (concerns(e)) {
            all.history.push_back(e);
        }
    }
    receiver_(all);
}

Checker::At Checker::at(std::uint32_t page, unsigned index) const {
    const TablePage& p = pages_[page];
    const unsigned shift = config_.geometry.shift(p.level);
    return {.page = page,
            .index = index,
            .level = p.level,
            .address = (p.key << granule_bits(config_.geometry.granule())) + 8ULL * index,
            .ipa = p.ipa + (static_cast<std::uint64_t>(index) << shift),
            .size = std::uint64_t{1} << shift};
}

std::uint64_t Checker::load(std::uint64_t address) const {
    return memory_.load(Pa{address}).value_or(0);
}

} // namespace twofold::model
