// SPDX-License-Identifier: MIT
// The contents of the report. All vCPUs stand still.
#include "report/report.hpp"

#include "guest/guest.hpp"
#include "report/json_writer.hpp"
#include "report/report_sink.hpp"
#include "runtime/print.hpp"

#include <span>

namespace twofold::hyp {

namespace {

std::string_view name_of(GuestState state) {
    switch (state) {
    case GuestState::running:
        return "running";
    case GuestState::powered_off:
        return "powered off";
    case GuestState::resetting:
        return "resetting";
    case GuestState::stopped:
        return "stopped";
    }
    return "unknown";
}

std::string_view name_of_class(unsigned ec) {
    switch (static_cast<ExceptionClass>(ec)) {
    case ExceptionClass::unknown:
        return "unknown instruction";
    case ExceptionClass::wfx:
        return "WFI or WFE";
    case ExceptionClass::cp15_mcr:
        return "AArch32 register";
    case ExceptionClass::fp_access:
        return "floating point";
    case ExceptionClass::pointer_authentication:
        return "pointer authentication";
    case ExceptionClass::hvc32:
    case ExceptionClass::hvc64:
        return "HVC";
    case ExceptionClass::smc32:
    case ExceptionClass::smc64:
        return "SMC";
    case ExceptionClass::system_register:
        return "system register";
    case ExceptionClass::sve_access:
        return "SVE";
    case ExceptionClass::instruction_abort_lower:
    case ExceptionClass::instruction_abort_same:
        return "instruction abort";
    case ExceptionClass::data_abort_lower:
    case ExceptionClass::data_abort_same:
        return "data abort";
    }
    return "other";
}

// Of a vCPU's CPU, which has no other.
const Counters& counters_of(Guest& guest, unsigned vcpu) {
    return cpu(guest.vcpu(vcpu).cpu).counters;
}

void write_guest(JsonWriter& json, Guest& guest) {
    const GuestConfiguration& configuration = *guest.parts().own;
    json.begin_object("guest");
    json.text("name", guest.name());
    json.text("state", name_of(guest.state()));
    json.text("reason", guest.stop_reason());
    json.number("cpus", guest.vcpu_count());
    json.number("memory_bytes", configuration.memory);
    json.number("extent_bytes", configuration.extent);
    json.number("extents", guest.memory().backing().extents_in_use());
    json.number("resets", guest.resets());
    json.end_object();
}

void write_geometry(JsonWriter& json, GuestRam& ram) {
    const Geometry& geometry = ram.memory().geometry();
    json.begin_object("geometry");
    json.number("granule_bytes", geometry.page_size());
    json.number("ipa_bits", geometry.ipa_bits());
    json.number("pa_bits", geometry.pa_bits());
    json.boolean("lpa2", geometry.lpa2());
    json.number("initial_level", geometry.initial_level());
    json.number("root_tables", geometry.root_tables());
    json.number("root_bytes", geometry.root_bytes());
    json.hexadecimal("vtcr", ram.vtcr().value);
    json.end_object();
}

// What of the CPU this stage 2 uses.
void write_features(JsonWriter& json, GuestRam& ram) {
    const CpuFeatures& features = ram.features();
    json.begin_list("features");
    const auto feature = [&](bool used, std::string_view name) {
        if (used)
            json.element(name);
    };
    feature(features.fwb, "FWB");
    feature(features.xnx, "XNX");
    feature(features.access_flag, "hardware access flag");
    feature(features.dirty_state, "hardware dirty state");
    feature(ram.memory().geometry().lpa2(), "LPA2");
    feature(features.vmid16, "16-bit VMID");
    feature(features.ttl, "TTL");
    feature(features.tlbi_range, "TLBIRANGE");
    feature(features.bbm == 1, "BBM level 1");
    feature(features.bbm == 2, "BBM level 2");
    feature(features.lse, "LSE");
    feature(features.dic, "DIC");
    json.end_list();
}

void write_mappings(JsonWriter& json, GuestRam& ram) {
    struct Sum {
        std::uint64_t count;
        std::uint64_t contiguous;
    };
    Sum sums[page_level + 1] = {}; // there are no leaves at level -1
    const Geometry& geometry = ram.memory().geometry();
    ram.memory().for_each_run([&](const Mapping& run) {
        const std::uint64_t count = run.size / geometry.entry_size(run.level);
        Sum& sum = sums[run.level];
        sum.count += count;
        sum.contiguous += run.contiguous ? count : 0;
    });
    json.begin_list("mappings");
    for (Level level = geometry.top_leaf_level(); level <= page_level; ++level) {
        const Sum& sum = sums[level];
        if (sum.count == 0)
            continue;
        json.begin_element();
        json.number("level", level);
        json.number("size", geometry.entry_size(level));
        json.number("count", sum.count);
        json.number("contiguous", sum.contiguous);
        json.end_object();
    }
    json.end_list();
}

// The map, as `twofold map` has it, as far as a page of it can be looked at.
void write_runs(JsonWriter& json, GuestRam& ram) {
    constexpr std::uint64_t most_runs = 4096;
    const Geometry& geometry = ram.memory().geometry();
    std::uint64_t runs = 0;
    json.begin_list("runs");
    ram.memory().for_each_run([&](const Mapping& run) {
        if (++runs > most_runs)
            return;
        json.begin_element();
        json.hexadecimal("ipa", run.ipa.value);
        json.number("size", run.size);
        json.number("level", run.level);
        json.number("entries", run.size / geometry.entry_size(run.level));
        json.text("kind", "leaf");
        json.hexadecimal("pa", run.pa.value);
        json.boolean("contiguous", run.contiguous);
        json.begin_object("attributes");
        const Attributes& attributes = run.attributes;
        json.boolean("read", attributes.permissions.read);
        json.boolean("write", attributes.permissions.write);
        json.boolean("execute_el1", attributes.permissions.execute_el1);
        json.boolean("execute_el0", attributes.permissions.execute_el0);
        json.text("type", to_string(attributes.type));
        json.text("shareability", to_string(attributes.shareability));
        json.boolean("access_flag", attributes.access_flag);
        json.boolean("dbm", attributes.dbm);
        json.end_object();
        json.end_object();
    });
    json.end_list();
    json.number("runs_left_out", runs > most_runs ? runs - most_runs : 0);
}

// One element for each counter that is not zero: {"<what>": "<name>", "count": n}
template <typename Kind, std::size_t count>
void write_counts(JsonWriter& json, std::string_view list, std::string_view what,
                  const std::array<OwnCounter, count>& counters) {
    json.begin_list(list);
    for (std::size_t i = 0; i < count; ++i) {
        if (counters[i].value() == 0)
            continue;
        json.begin_element();
        json.text(what, to_string(static_cast<Kind>(i)));
        json.number("count", counters[i].value());
        json.end_object();
    }
    json.end_list();
}

void write_faults(JsonWriter& json, GuestRam& ram) {
    const FaultCounters counters = ram.memory().counters();
    write_counts<FaultKind>(json, "faults", "kind", counters.by_kind);
    write_counts<Outcome>(json, "outcomes", "outcome", counters.by_outcome);
    json.begin_list("chosen");
    for (std::size_t level = 0; level < counters.chosen.size(); ++level) {
        for (std::size_t reason = 0; reason < limited_by_count; ++reason) {
            const std::uint64_t count = counters.chosen[level][reason].value();
            if (count == 0)
                continue;
            json.begin_element();
            json.number("level", level);
            json.text("limited_by", to_string(static_cast<LimitedBy>(reason)));
            json.number("count", count);
            json.end_object();
        }
    }
    json.end_list();
    json.begin_object("upkeep");
    json.number("lost_races", counters.lost_races.value());
    json.number("permissions_raised", counters.permissions_raised.value());
    json.number("made_young", counters.made_young.value());
    json.number("replaced", counters.replaced.value());
    json.number("dcache_bytes", counters.dcache_bytes.value());
    json.number("icache_bytes", counters.icache_bytes.value());
    json.end_object();
}

void write_tables(JsonWriter& json, Guest& guest) {
    GuestRam& ram = guest.memory();
    const TableCounters tables = ram.memory().table_counters();
    json.begin_object("tables");
    json.number("live", tables.tables);
    json.number("made", tables.tables_made);
    json.number("freed", tables.tables_freed);
    json.number("blocks_split", tables.blocks_split);
    json.number("breaks", tables.breaks);
    json.number("bytes_with_root", ram.table_pages().bytes());
    json.number("most_bytes_with_root", ram.table_pages().most_bytes());
    json.end_object();
    InvalidationCounters owed{};
    for (unsigned i = 0; i < guest.vcpu_count(); ++i) {
        const InvalidationCounters& counters = counters_of(guest, i).invalidations;
        owed.by_ipa += counters.by_ipa;
        owed.by_range += counters.by_range;
        owed.whole_vmid += counters.whole_vmid;
        owed.stage1 += counters.stage1;
        owed.dsb += counters.dsb;
    }
    json.begin_object("invalidations");
    json.number("discharges", tables.invalidations);
    json.number("tlbi_by_ipa", owed.by_ipa);
    json.number("tlbi_by_range", owed.by_range);
    json.number("tlbi_of_vmid", owed.whole_vmid);
    json.number("tlbi_of_stage_1", owed.stage1);
    json.number("dsb", owed.dsb);
    json.end_object();
}

void write_checks(JsonWriter& json, GuestRam& ram) {
    const auto checks = ram.checks();
    if (!checks)
        return;
    json.begin_object("checks");
    json.number("events", checks->events);
    json.number("reports", checks->reports);
    json.number("tables", checks->tables);
    json.end_object();
}

void write_exits(JsonWriter& json, Guest& guest) {
    Counters sum{};
    for (unsigned i = 0; i < guest.vcpu_count(); ++i) {
        const Counters& counters = counters_of(guest, i);
        for (unsigned ec = 0; ec < std::size(sum.exits_by_class); ++ec)
            sum.exits_by_class[ec] += counters.exits_by_class[ec];
        sum.interrupts += counters.interrupts;
        sum.system_errors += counters.system_errors;
        sum.mmio_reads += counters.mmio_reads;
        sum.mmio_writes += counters.mmio_writes;
        sum.injected_aborts += counters.injected_aborts;
        sum.injected_undefined += counters.injected_undefined;
    }
    json.begin_list("exits");
    for (unsigned ec = 0; ec < std::size(sum.exits_by_class); ++ec) {
        if (sum.exits_by_class[ec] == 0)
            continue;
        json.begin_element();
        json.number("class", ec);
        json.text("name", name_of_class(ec));
        json.number("count", sum.exits_by_class[ec]);
        json.end_object();
    }
    json.end_list();
    json.begin_object("events");
    json.number("interrupts", sum.interrupts);
    json.number("system_errors", sum.system_errors);
    json.number("mmio_reads", sum.mmio_reads);
    json.number("mmio_writes", sum.mmio_writes);
    json.number("injected_aborts", sum.injected_aborts);
    json.number("injected_undefined", sum.injected_undefined);
    json.end_object();
}

void write_monitor(JsonWriter& json, Guest& guest) {
    const WorkCounts& counts = guest.monitor().counts();
    json.begin_object("monitor");
    json.number("commands", counts.commands);
    json.number("pages_harvested", counts.harvested_pages);
    json.number("blocks_restored", counts.restored_blocks);
    json.number("pages_taken_back", counts.ballooned_pages);
    json.number("pages_moved", counts.moved_pages);
    json.end_object();
}

void write_parts(JsonWriter& json, Guest& guest) {
    json.number("version", 1);
    write_guest(json, guest);
    write_geometry(json, guest.memory());
    write_features(json, guest.memory());
    write_mappings(json, guest.memory());
    write_runs(json, guest.memory());
    write_faults(json, guest.memory());
    write_tables(json, guest);
    write_checks(json, guest.memory());
    write_monitor(json, guest);
    write_exits(json, guest);
    json.begin_object("time");
    json.number("ticks", guest.ticks());
    json.number("frequency", TWOFOLD_READ_SYSREG(CNTFRQ_EL0));
    json.end_object();
}

void write_document(TextSink& sink, std::span<Guest> guests) {
    JsonWriter json{sink};
    write_parts(json, guests.front());
    if (guests.size() > 1) {
        json.begin_list("others");
        for (Guest& guest : guests.subspan(1)) {
            json.begin_element();
            write_parts(json, guest);
            json.end_object();
        }
        json.end_list();
    }
    json.finish();
}

} // namespace

bool write_report(std::span<Guest> guests, const Configuration& configuration) {
    switch (configuration.report) {
    case ReportTarget::none:
        return true;
    case ReportTarget::console: {
        ConsoleReportSink sink;
        print("report:\n");
        write_document(sink, guests);
        print("end of report\n");
        return true;
    }
    case ReportTarget::semihosting: {
        FileReportSink sink{configuration.report_path.data()};
        if (sink.is_open())
            write_document(sink, guests);
        if (sink.finish())
            return true;
        print("the report cannot be written to {}\n", configuration.report_path.data());
        return false;
    }
    }
    return false;
}

} // namespace twofold::hyp
