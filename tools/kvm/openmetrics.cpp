// SPDX-License-Identifier: MIT
// KVM's tables as OpenMetrics, in the part of it that the text format of Prometheus has too:
// gauges, so that node_exporter's textfile collector takes it as it is.
#include "tools/kvm/kvm_words.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <utility>

namespace twofold::tool {

namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            result += '\\';
        }
        result += c == '\n' ? std::string{"\\n"} : std::string{c};
    }
    return result;
}

std::string labels_text(const Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels) {
        text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escaped(value));
    }
    return text;
}

// One metric with all of its samples, which have to stand together.
class Family {
public:
    Family(std::string name, std::string_view help)
        : name_{"twofold_kvm_" + std::move(name)},
          help_{help} {}

    template <class Number>
    void add(const Labels& labels, Number value) {
        samples_ += fmt::format("{}{{{}}} {}\n", name_, labels_text(labels), value);
    }
    std::string text() const {
        return samples_.empty()
                   ? ""
                   : fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{2}", name_, help_, samples_);
    }

private:
    std::string name_;
    std::string_view help_;
    std::string samples_;
};

Labels labels_of(const KvmTableReport& report) {
    return {{"vm", report.table->vm}, {"nested", report.table->nested}};
}

Labels with(Labels labels, std::string_view name, std::string value) {
    labels.emplace_back(name, std::move(value));
    return labels;
}

std::string size_label(std::uint64_t bytes) { return size_argument(bytes); }

struct TableFamilies {
    Family pages{"page_tables_readable",
                 "Whether there was a stage2_page_tables that could be read."};
    Family ipa{"ipa_bits", "Bits of the guest's physical addresses."};
    Family levels{"levels", "Levels of the stage-2 table."};
    Family mapped{"mapped_bytes", "Guest memory that is mapped, by the size of the mapping."};
    Family complete{"complete_pieces",
                    "Aligned pieces of a size that are mapped to the last byte with smaller "
                    "mappings, by whether their permissions are all the same."};
    Family partial{"partial_pieces",
                   "Aligned pieces of a size that are mapped in part, with smaller mappings."};
    Family partial_bytes{"partial_mapped_bytes", "Guest memory that is mapped in such pieces."};
    Family holes{"holes", "Holes between mappings."};
    Family hole_bytes{"hole_bytes", "Guest addresses in holes between mappings."};
    Family permissions{"permission_bytes", "Guest memory that is mapped, by its permissions."};
    Family states{"state_bytes", "Guest memory in states that are worth a look."};
    Family defects{"dump_defects", "What is wrong with a dump, by kind."};
    Family changed{"changed_bytes", "Guest memory that changed since the older dump, by kind."};
    Family statistics{"statistic", "A statistic of KVM's debugfs."};

    void add(const KvmTableReport& report);
    void add_pages(const KvmTableReport& report);
    std::string text() const;
};

void TableFamilies::add_pages(const KvmTableReport& report) {
    const Labels labels = labels_of(report);
    const KvmFigures& figures = report.figures;
    for (const auto& [level, bytes] : figures.mapped) {
        mapped.add(with(labels, "size", size_label(figures.size_of(level))), bytes);
    }
    for (const KvmLarger& larger : figures.larger) {
        const Labels sized = with(labels, "size", size_label(larger.size));
        complete.add(with(sized, "permissions", "uniform"), larger.uniform);
        complete.add(with(sized, "permissions", "mixed"), larger.mixed);
        partial.add(sized, larger.partial);
        partial_bytes.add(sized, larger.partial_mapped_bytes);
    }
    holes.add(labels, figures.holes.runs);
    hole_bytes.add(labels, figures.holes.bytes);
    for (const auto& [words, amount] : figures.permissions) {
        permissions.add(with(labels, "permissions", words), amount.bytes);
    }
    const auto state = [this, &labels](const char* name, const KvmAmount& amount) {
        states.add(with(labels, "state", name), amount.bytes);
    };
    state("writable_executable", figures.writable_executable);
    state("write_only", figures.write_only);
    state("inaccessible", figures.inaccessible);
    state("not_accessed", figures.not_accessed);
    state("invalid", figures.invalid);
    state("impossible", figures.impossible);
}

void TableFamilies::add(const KvmTableReport& report) {
    const Labels labels = labels_of(report);
    const KvmDump& dump = report.table->dump;
    pages.add(labels, dump.has_pages ? 1 : 0);
    if (dump.ipa_bits) {
        ipa.add(labels, *dump.ipa_bits);
    }
    if (dump.levels) {
        levels.add(labels, *dump.levels);
    }
    if (dump.has_pages) {
        add_pages(report);
    }
    for (const auto& [defect, counted] : dump.defects) {
        defects.add(with(labels, "kind", std::string{defect_name(defect)}), counted.count);
    }
    if (report.figures.misaligned_runs != 0) {
        defects.add(with(labels, "kind", std::string{defect_name(KvmDefect::misaligned)}),
                    report.figures.misaligned_runs);
    }
    if (report.change) {
        const nlohmann::ordered_json change = change_json(*report.change);
        for (const auto& [kind, part] : change.at("sum").items()) {
            changed.add(with(labels, "kind", kind), part.at("bytes").get<std::uint64_t>());
        }
    }
    for (const auto& [name, value] : dump.statistics) {
        statistics.add(with(labels, "name", name), value);
    }
}

std::string TableFamilies::text() const {
    std::string text;
    for (const Family* const family :
         {&pages, &ipa, &levels, &mapped, &complete, &partial, &partial_bytes, &holes, &hole_bytes,
          &permissions, &states, &defects, &changed, &statistics}) {
        text += family->text();
    }
    return text;
}

std::string traces_text(const KvmReport& report) {
    Family faults{"trace_faults", "Stage-2 faults in a trace, by kind."};
    Family seconds{"trace_seconds", "From the first to the last fault of a trace."};
    Family lost{"trace_lost_events", "Events that the kernel lost."};
    for (const NamedTrace& named : *report.traces) {
        const nlohmann::ordered_json trace = trace_json(named, report.trace_granule);
        const Labels labels{{"trace", named.name}};
        for (const auto& row : trace.at("rows")) {
            Labels sample = labels;
            sample.emplace_back("kind", row.at("kind").get<std::string>());
            sample.emplace_back("level", row.at("level").is_null()
                                             ? ""
                                             : fmt::format("{}", row.at("level").get<int>()));
            sample.emplace_back("access", row.at("access").get<std::string>());
            sample.emplace_back("stage1_walk", row.at("stage1_walk").get<bool>() ? "1" : "0");
            sample.emplace_back("emulated", row.at("emulated").get<bool>() ? "1" : "0");
            faults.add(sample, row.at("faults").get<std::uint64_t>());
        }
        seconds.add(labels, named.trace.duration());
        lost.add(labels, named.trace.lost);
    }
    return faults.text() + seconds.text() + lost.text();
}

} // namespace

std::string kvm_openmetrics(const KvmReport& report) {
    TableFamilies families;
    for (const KvmTableReport& table : report.tables) {
        families.add(table);
    }
    return families.text() + traces_text(report) + "# EOF\n";
}

} // namespace twofold::tool
