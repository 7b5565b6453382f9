// SPDX-License-Identifier: MIT
// Writing of casemate's traces. All stores of one CPU in a row are under the lock of the root,
// which it wants to see; what it rejects is refused.
#include "tools/check/casemate_writer.hpp"

#include <twofold/arch/descriptor.hpp>
#include <twofold/arch/tlbi.hpp>
#include <twofold/arch/vttbr.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

using model::Event;
using model::EventKind;

constexpr std::uint64_t page = 4096;
constexpr std::size_t most_pages = 8192;
constexpr unsigned most_cpus = 4;

} // namespace

CasemateWriter::CasemateWriter(const model::CheckerConfig& config, std::string name)
    : config_{config},
      name_{std::move(name)} {
    std::erase_if(name_, [](char c) { return c == '"' || static_cast<unsigned char>(c) < 0x20; });
}

std::optional<std::string> CasemateWriter::refusal(const model::CheckerConfig& config) {
    const Geometry& geometry = config.geometry;
    if (geometry.granule() != Granule::k4) {
        return "casemate has the 4K granule only";
    }
    if (geometry.lpa2()) {
        return "casemate has no LPA2";
    }
    // From a level on, of whose IPA bits the root resolves five at least.
    const unsigned t0sz = 64 - geometry.ipa_bits();
    const bool known =
        (t0sz >= 16 && t0sz <= 20) || (t0sz >= 25 && t0sz <= 29) || (t0sz >= 34 && t0sz <= 38);
    if (geometry.root_tables() != 1 || !known) {
        return "casemate has no concatenated tables, and IPAs of 26 to 30, 35 to 39 and 44 to 48 "
               "bits only";
    }
    return std::nullopt;
}

std::optional<std::string> CasemateWriter::refuse(std::string_view what) {
    error_ = fmt::format("line {}: casemate has no {}", source_line_, what);
    return std::nullopt;
}

std::string CasemateWriter::line(std::string_view name, unsigned cpu, std::string_view body) {
    return fmt::format("({} (id {}) (tid {}) {} (src \"{}:{}\"))\n", name, id_++, cpu, body, name_,
                       source_line_);
}

std::optional<std::string> CasemateWriter::write(const TraceEvent& event) {
    source_line_ = event.line;
    const Event& e = event.event;
    if (e.cpu >= most_cpus) {
        return refuse("more than four CPUs");
    }
    switch (e.kind) {
    case EventKind::store:
    case EventKind::publish:
    case EventKind::exchange:
    case EventKind::clear_bits:
    case EventKind::compare_exchange:
        return store(e);
    case EventKind::hardware_update:
    case EventKind::adopt:
        return refuse("changes that no CPU stores");
    case EventKind::allocate:
    case EventKind::free:
    case EventKind::retire:
        return tables(e);
    case EventKind::barrier:
        return barrier(e);
    case EventKind::tlbi:
        return tlbi(e);
    case EventKind::context:
        return context(e);
    case EventKind::section_begin:
    case EventKind::section_end:
    case EventKind::settled:
    case EventKind::all_done:
    case EventKind::teardown:
        break; // it draws its own conclusions
    }
    return "";
}

std::string CasemateWriter::finish() {
    if (!lock_holder_) {
        return "";
    }
    const unsigned holder = *lock_holder_;
    lock_holder_.reset();
    return line("unlock", holder, fmt::format("(address {:#x})", root_.value_or(0)));
}

std::string CasemateWriter::take_lock(unsigned cpu) {
    if (lock_holder_ == cpu) {
        return "";
    }
    std::string text = finish();
    lock_holder_ = cpu;
    stored_ = false;
    return text + line("lock", cpu, fmt::format("(address {:#x})", root_.value_or(0)));
}

std::optional<std::string> CasemateWriter::store(const Event& event) {
    if (Descriptor{event.after}.valid()) {
        if (leaf::contiguous::is_set(event.after)) {
            return refuse("Contiguous bit");
        }
        // Where it is no block, the bit is one of an address.
        if ((event.after & 3) == 1 && leaf::nt::is_set(event.after)) {
            return refuse("nT");
        }
    }
    // What is stored before the root is known is stored out of reach of all walkers.
    std::string text = root_ ? take_lock(event.cpu) : "";
    const bool release = stored_ && root_;
    stored_ = true;
    return text + line("mem-write", event.cpu,
                       fmt::format("(mem-order {}) (address {:#x}) (value {:#x})",
                                   release ? "release" : "plain", event.address, event.after));
}

std::string CasemateWriter::own_table(std::uint64_t address, unsigned cpu) {
    return line(
        "hint", cpu,
        fmt::format("(kind set_owner_root) (location {:#x}) (value {:#x})", address, *root_));
}

std::optional<std::string> CasemateWriter::tables(const Event& event) {
    std::string text;
    for (std::uint64_t at = event.address; at < event.address + event.after; at += page) {
        if (event.kind != EventKind::allocate) {
            std::erase(without_owner_, at);
            text += line("hint", event.cpu,
                         fmt::format("(kind release_table) (location {:#x}) (value 0x0)", at));
            continue;
        }
        if (pages_.insert(at).second) {
            if (pages_.size() > most_pages) {
                return refuse(fmt::format("room for more than {} table pages", most_pages));
            }
            text +=
                line("mem-init", event.cpu, fmt::format("(address {:#x}) (size {:#x})", at, page));
        }
        if (root_) {
            text += own_table(at, event.cpu);
        } else {
            without_owner_.push_back(at);
        }
    }
    return text;
}

std::optional<std::string> CasemateWriter::barrier(const Event& event) {
    switch (event.barrier) {
    case Barrier::isb:
        return line("barrier", event.cpu, "isb");
    case Barrier::dsb_ish:
    case Barrier::dsb_ishst:
    case Barrier::dsb_nsh:
        stored_ = stored_ && lock_holder_ != event.cpu;
        return line("barrier", event.cpu,
                    fmt::format("dsb (kind {})", event.barrier == Barrier::dsb_ish     ? "ish"
                                                 : event.barrier == Barrier::dsb_ishst ? "ishst"
                                                                                       : "nsh"));
    case Barrier::dsb_nshst:
        return refuse("DSB NSHST");
    case Barrier::dsb_ish_nxs:
    case Barrier::dsb_nsh_nxs:
        break;
    }
    return refuse("DSB nXS");
}

std::optional<std::string> CasemateWriter::tlbi(const Event& event) {
    const TlbiOperation& operation = event.tlbi;
    if (operation.scope == InvalidationScope::local) {
        return refuse("TLBI of one CPU");
    }
    if (operation.nxs) {
        return refuse("TLBI nXS");
    }
    switch (operation.kind) {
    case TlbiKind::vmalle1:
        return line("tlbi", event.cpu, "vmalle1is");
    case TlbiKind::vmalls12:
        return line("tlbi", event.cpu, "vmalls12e1is");
    case TlbiKind::ripas2:
        return refuse("TLBI by range");
    case TlbiKind::ipas2:
        break;
    }
    if (operation.last_level) {
        return refuse("TLBI of the last level");
    }
    if (TlbiByIpa::ttl::is_set(operation.operand)) {
        return refuse("level hint in a TLBI");
    }
    return line("tlbi", event.cpu, fmt::format("ipas2e1is (value {:#x})", operation.operand));
}

std::string CasemateWriter::context(const Event& event) {
    std::string text;
    const std::uint64_t vmid = Vttbr::vmid::get(event.after);
    const bool wide = Vtcr::vs::is_set(event.before);
    if (!root_ && (wide ? vmid : vmid & 0xff) == config_.vmid) {
        root_ = Vttbr{event.after}.root(config_.geometry).value;
        text += line("hint", event.cpu,
                     fmt::format("(kind set_root_lock) (location {0:#x}) (value {0:#x})", *root_));
        for (const std::uint64_t table : without_owner_) {
            text += table != *root_ ? own_table(table, event.cpu) : "";
        }
        without_owner_.clear();
    }
    text += line("sysreg-write", event.cpu,
                 fmt::format("(sysreg vtcr_el2) (value {:#x})", event.before));
    return text + line("sysreg-write", event.cpu,
                       fmt::format("(sysreg vttbr_el2) (value {:#x})", event.after));
}

} // namespace twofold::tool
