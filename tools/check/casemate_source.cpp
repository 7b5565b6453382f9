// SPDX-License-Identifier: MIT
// Traces of casemate. Its stores tell what is there afterwards and no more, so that they are taken
// as atomic; locks are not looked at; TLBIs of other VMIDs and of EL2's own translation are left
// out. What comes before VTCR_EL2 and VTTBR_EL2 waits for them.
#include "tools/check/s_expression.hpp"
#include "tools/check/trace_memory.hpp"
#include "tools/check/trace_source.hpp"
#include "tools/cpu/known_cpu.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/vtcr_geometry.hpp>
#include <twofold/arch/vttbr.hpp>

#include <fmt/format.h>

#include <deque>
#include <map>
#include <set>

namespace twofold::tool {

namespace {

using model::Event;
using model::EventKind;

constexpr std::uint64_t table_bytes = 4096; // it has the 4K granule only
constexpr std::size_t most_waiting = 1'000'000;
using fwb = Field<46>; // of HCR_EL2

class CasemateSource final : public TraceSource {
public:
    CasemateSource(LineReader::Read read, std::optional<unsigned> vmid)
        : lines_{std::move(read)},
          vmid_{vmid} {}

    std::optional<std::string> start() override {
        while (!started_) {
            if (!read_line()) {
                return error() ? *error()
                               : std::string{"expected (sysreg-write ... vtcr_el2) and then of "
                                             "vttbr_el2, which say what the tables are"};
            }
            if (waiting_.size() > most_waiting) {
                return fmt::format(
                    "expected (sysreg-write ... vttbr_el2) among the first {} events",
                    most_waiting);
            }
        }
        return std::nullopt;
    }

    std::optional<TraceEvent> next() override {
        while (waiting_.empty() && read_line()) {
        }
        if (waiting_.empty()) {
            return std::nullopt;
        }
        const TraceEvent event = waiting_.front();
        waiting_.pop_front();
        return event;
    }

    std::vector<std::string> notes() const override {
        std::vector<std::string> notes;
        for (const auto& [name, count] : left_out_) {
            notes.push_back(fmt::format("left out: {} {}", count, name));
        }
        if (cut_off_ != 0) {
            notes.push_back(fmt::format("line {} is cut off and was left out", cut_off_));
        }
        return notes;
    }

private:
    // False at the end, and where something is wrong.
    bool read_line() {
        const auto line = lines_.next();
        if (!line || error()) {
            return false;
        }
        line_ = line->number;
        const auto expression = line->too_long ? std::nullopt : SExpression::parse(line->text);
        if (!expression) {
            const bool empty = line->text.find_first_not_of(" \t") == std::string::npos;
            if (!line->complete && !empty) {
                cut_off_ = line->number;
                return false;
            }
            return empty ||
                   wrong("a casemate event such as (barrier (id 1) (tid 0) isb)", line->text);
        }
        const auto tid = expression->number("tid");
        if (!tid || *tid > 255) {
            return wrong("(tid NUMBER) in a casemate event", line->text);
        }
        cpu_ = static_cast<unsigned>(*tid);
        return read(*expression) ||
               wrong("the operands of casemate's " + expression->name, line->text);
    }
    bool wrong(std::string_view expected, const std::string& text) {
        if (!error()) {
            fail(fmt::format("line {}: expected {}, not {}", line_, expected, quoted_line(text)));
        }
        return false;
    }

    void say(const Event& event) { waiting_.push_back({event, line_}); }
    void leave_out(const std::string& name) { ++left_out_[name]; }

    bool read(const SExpression& e) {
        if (e.name == "mem-init") {
            return mem_init(e);
        }
        if (e.name == "mem-write") {
            return mem_write(e);
        }
        if (e.name == "barrier") {
            return barrier(e);
        }
        if (e.name == "tlbi") {
            return tlbi(e);
        }
        if (e.name == "sysreg-write") {
            return system_register(e);
        }
        if (e.name == "hint") {
            return hint(e);
        }
        // Locks say who may store, which is no matter of translation.
        leave_out(e.name);
        return true;
    }

    bool allocate(std::uint64_t address, std::uint64_t bytes) {
        const Event event = Event::memory(EventKind::allocate, cpu_, Pa{address}, bytes);
        if (const auto defect = event_defect(event)) {
            fail(fmt::format("line {}: {}", line_, *defect));
            return false;
        }
        for (std::uint64_t at = 0; at < bytes; at += table_bytes) {
            allocated_.insert((address + at) / table_bytes);
        }
        memory_.clear(address, bytes);
        say(event);
        return true;
    }

    bool mem_init(const SExpression& e) {
        const auto address = e.number("address");
        const auto size = e.number("size");
        return address && size && allocate(*address, *size);
    }

    bool mem_write(const SExpression& e) {
        const auto address = e.number("address");
        const auto value = e.number("value");
        if (!address || !value || *address % 8 != 0) {
            return false;
        }
        const std::uint64_t before = memory_.known(*address).value_or(0);
        memory_.set(*address, *value);
        say(Event::change(EventKind::exchange, cpu_, Pa{*address}, before, *value));
        return true;
    }

    bool barrier(const SExpression& e) {
        if (e.has_atom("isb")) {
            say(Event::of(cpu_, Barrier::isb));
            return true;
        }
        const std::string_view kind = e.field("kind");
        constexpr std::pair<std::string_view, Barrier> kinds[] = {
            {"ish", Barrier::dsb_ish},     {"ishst", Barrier::dsb_ishst}, {"nsh", Barrier::dsb_nsh},
            {"nshst", Barrier::dsb_nshst}, {"sy", Barrier::dsb_ish},      {"osh", Barrier::dsb_ish},
            {"st", Barrier::dsb_ishst},    {"oshst", Barrier::dsb_ishst}};
        for (const auto& [name, barrier] : kinds) {
            if (e.has_atom("dsb") && kind == name) {
                say(Event::of(cpu_, barrier));
                return true;
            }
        }
        if (e.has_atom("dsb")) {
            return false;
        }
        leave_out("barrier");
        return true;
    }

    bool tlbi(const SExpression& e) {
        if (e.atoms.empty()) {
            return false;
        }
        const std::string& name = e.atoms.front();
        TlbiOperation operation;
        if (name == "vmalls12e1is" || name == "alle1is") {
            operation.kind = TlbiKind::vmalls12;
        } else if (name == "vmalle1is") {
            operation.kind = TlbiKind::vmalle1;
        } else if (name == "ipas2e1is" || name == "ipas2le1is") {
            const auto value = e.number("value");
            if (!value) {
                return false;
            }
            operation.kind = TlbiKind::ipas2;
            operation.last_level = name == "ipas2le1is";
            operation.operand = *value;
        } else {
            leave_out("tlbi " + name);
            return true;
        }
        const bool all_vmids = name == "alle1is";
        const auto current = current_vmid_.find(cpu_);
        const bool other = current != current_vmid_.end() && vmid_ && current->second != *vmid_;
        if (other && !all_vmids) {
            leave_out("tlbi of another VMID");
            return true;
        }
        // It acts on all VMIDs: as if the CPU had the one that is looked at.
        if (other) {
            say(Event::context(cpu_, vtcr_, vttbr_));
        }
        say(Event::of(cpu_, operation));
        if (other) {
            say(Event::context(cpu_, vtcr_, other_vttbr_[cpu_]));
        }
        return true;
    }

    bool system_register(const SExpression& e) {
        const auto value = e.number("value");
        const std::string_view name = !e.field("sysreg").empty() ? e.field("sysreg")
                                      : e.atoms.empty()          ? std::string_view{}
                                                        : std::string_view{e.atoms.front()};
        if (!value || name.empty()) {
            return false;
        }
        if (name == "vtcr_el2") {
            vtcr_ = *value;
            has_vtcr_ = true;
        } else if (name == "hcr_el2") {
            hcr_ = *value;
        } else if (name == "vttbr_el2") {
            return context(*value);
        } else {
            leave_out("sysreg-write of " + std::string{name});
        }
        return true;
    }

    bool context(std::uint64_t vttbr) {
        if (!has_vtcr_) {
            fail(fmt::format("line {}: expected (sysreg-write ... vtcr_el2) before vttbr_el2",
                             line_));
            return false;
        }
        const std::uint64_t all = Vttbr::vmid::get(vttbr);
        const auto vmid = static_cast<unsigned>(Vtcr::vs::is_set(vtcr_) ? all : all & 0xff);
        current_vmid_[cpu_] = vmid;
        other_vttbr_[cpu_] = vttbr;
        if (vmid_.value_or(vmid) == vmid) {
            vmid_ = vmid;
            vttbr_ = vttbr;
            if (!started_ && !configure()) {
                return false;
            }
        }
        say(Event::context(cpu_, vtcr_, vttbr));
        return true;
    }

    bool configure() {
        const CpuFeatures features = CpuFeatures::from(known_cpus().front().registers);
        const auto geometry = geometry_of(features, Vtcr{vtcr_});
        if (!geometry) {
            fail(fmt::format("line {}: VTCR_EL2 = {:#x}: {}", line_, vtcr_,
                             to_string(geometry.error())));
            return false;
        }
        if (geometry->granule() != Granule::k4) {
            fail(fmt::format("line {}: expected VTCR_EL2 with the 4K granule, not {:#x}", line_,
                             vtcr_));
            return false;
        }
        set_config({.geometry = *geometry,
                    .vmid = *vmid_,
                    .xnx = features.xnx,
                    .fwb = fwb::is_set(hcr_),
                    .ttl = true,
                    .hardware_access_flag = Vtcr::ha::is_set(vtcr_),
                    .hardware_dirty_state = Vtcr::hd::is_set(vtcr_)});
        started_ = true;
        return true;
    }

    bool hint(const SExpression& e) {
        const std::string_view kind = e.field("kind");
        const auto location = e.number("location");
        if (kind.empty()) {
            return false;
        }
        if (kind == "release_table" && location) {
            const std::uint64_t page = *location / table_bytes;
            allocated_.erase(page);
            say(Event::memory(EventKind::free, cpu_, Pa{page * table_bytes}, table_bytes));
        } else if (kind == "set_owner_root" && location &&
                   !allocated_.contains(*location / table_bytes)) {
            // A page that comes back without another mem-init.
            return allocate(align_down(*location, table_bytes), table_bytes);
        } else if (kind != "set_owner_root") {
            leave_out("hint " + std::string{kind});
        }
        return true;
    }

    TraceLines lines_;
    std::optional<unsigned> vmid_;
    std::size_t line_ = 0;
    unsigned cpu_ = 0;
    bool started_ = false;
    std::deque<TraceEvent> waiting_;
    TraceMemory memory_;
    std::set<std::uint64_t> allocated_; // page numbers
    bool has_vtcr_ = false;
    std::uint64_t vtcr_ = 0;
    std::uint64_t hcr_ = 0;
    std::uint64_t vttbr_ = 0;                       // with the VMID that is looked at
    std::map<unsigned, unsigned> current_vmid_;     // by CPU
    std::map<unsigned, std::uint64_t> other_vttbr_; // by CPU, as it is now
    std::map<std::string, std::uint64_t> left_out_;
    std::size_t cut_off_ = 0;
};

} // namespace

std::unique_ptr<TraceSource> make_casemate_source(LineReader::Read read,
                                                  std::optional<unsigned> vmid) {
    return std::make_unique<CasemateSource>(std::move(read), vmid);
}

} // namespace twofold::tool
