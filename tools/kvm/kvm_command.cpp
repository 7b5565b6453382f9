// SPDX-License-Identifier: MIT
// twofold kvm
#include "tools/command.hpp"
#include "tools/kvm/kvm_words.hpp"
#include "tools/text/number.hpp"
#include "tools/text/replace_file.hpp"

#include <fmt/format.h>

#include <memory>
#include <set>

namespace twofold::tool {

namespace {

struct KvmOptions {
    std::vector<std::string> paths;
    std::string since;
    std::optional<Granule> granule;
    std::string output;
    bool json = false;
    bool openmetrics = false;
};

constexpr const char* debugfs = "/sys/kernel/debug/kvm";

// The table of the older dump that a table is to be compared with: that of the same name, or, where
// each side has only one, that one.
const KvmTable* older_table(const KvmTable& table, const std::vector<KvmTable>& now,
                            const std::vector<KvmTable>& before) {
    for (const KvmTable& old : before) {
        if (old.vm == table.vm && old.nested == table.nested) {
            return &old;
        }
    }
    return now.size() == 1 && before.size() == 1 ? before.data() : nullptr;
}

void compare(KvmReport& report, const KvmSource& now, const KvmSource& before) {
    report.compared = true;
    std::set<const KvmTable*> found;
    for (KvmTableReport& table : report.tables) {
        const KvmTable* const old = older_table(*table.table, now.tables, before.tables);
        if (old == nullptr) {
            report.notes.push_back(table.table->name() + ": not in the older dump");
        } else if (old->dump.has_pages && table.table->dump.has_pages) {
            table.change = kvm_change(old->dump, table.table->dump);
        }
        found.insert(old);
    }
    for (const KvmTable& old : before.tables) {
        if (!found.contains(&old)) {
            report.gone.push_back(old.name());
        }
    }
    report.notes.insert(report.notes.end(), before.notes.begin(), before.notes.end());
}

std::string report_words(const KvmOptions& options, const KvmReport& report) {
    if (options.openmetrics) {
        return kvm_openmetrics(report);
    }
    return options.json ? json_text(kvm_json(report)) : kvm_text(report);
}

int put(const KvmOptions& options, const std::string& text) {
    if (options.output.empty()) {
        return print_result(text);
    }
    const auto replaced = replace_file(options.output, text);
    return replaced ? exit_status::yes : fail(exit_status::no, replaced.error());
}

int run_kvm(const KvmOptions& options) {
    if (options.json && options.openmetrics) {
        return fail(exit_status::bad_input, "expected one of --json and --openmetrics, not both");
    }
    const auto source = read_kvm(
        options.paths.empty() ? std::vector<std::string>{debugfs} : options.paths, options.granule);
    if (!source) {
        return fail(exit_status::bad_input, source.error());
    }
    KvmReport report;
    report.traces = &source->traces;
    report.notes = source->notes;
    report.trace_granule = options.granule.value_or(Granule::k4);
    for (const KvmTable& table : source->tables) {
        report.tables.push_back({&table, kvm_figures(table.dump, options.granule), {}});
    }
    std::optional<Result<KvmSource>> before;
    if (!options.since.empty()) {
        before = read_kvm({options.since}, options.granule);
        if (!*before) {
            return fail(exit_status::bad_input, before->error());
        }
        compare(report, *source, **before);
    }
    for (const std::string& note : report.notes) {
        warn(note);
    }
    const bool empty = source->tables.empty() && source->traces.empty();
    // A file of metrics is written all the same: a host without VMs has none.
    if (empty && !options.openmetrics) {
        return fail(exit_status::no, "there are no VMs");
    }
    return put(options, report_words(options, report));
}

} // namespace

void add_kvm_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<KvmOptions>();
    CLI::App& command = *app.add_subcommand(
        "kvm", "Stage 2 of the guests of a Linux host, from KVM's debugfs and traces");
    use_last(command);
    command
        .add_option("paths", options->paths,
                    fmt::format("KVM's debugfs, a VM's folder in it, copies of them, texts of "
                                "stage2_page_tables, traces with kvm_guest_fault; - is the "
                                "standard input ({})",
                                debugfs))
        ->type_name("DIR|FILE")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_option("--since", options->since, "what changed since this older copy")
        ->type_name("DIR|FILE");
    add_parsed(command, "--granule", options->granule, parse_granule, "4K, 16K or 64K",
               "the host's page size (guessed from the dump; 4K for traces)");
    command.add_flag("--json", options->json, "as JSON");
    command.add_flag("--openmetrics", options->openmetrics,
                     "as OpenMetrics, for node_exporter's textfile collector");
    command
        .add_option("-o,--output", options->output,
                    "replace this file by the result, at once, instead of printing it")
        ->type_name("FILE");
    command.footer("Example: twofold kvm /sys/kernel/debug/kvm\n"
                   "         twofold kvm --openmetrics -o "
                   "/var/lib/node_exporter/textfile/twofold.prom\n"
                   "         twofold kvm after.txt --since before.txt");
    command.callback([options, &status] { status = run_kvm(*options); });
}

} // namespace twofold::tool
