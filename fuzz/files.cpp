// SPDX-License-Identifier: MIT
// Files that anybody may have written, as the command reads them: memory images with tables, dumps
// and traces of KVM, JSON of its own. No undefined behaviour, bounded work, and figures that add
// up.
#include "byte_choices.hpp"
#include "check.hpp"
#include "tools/kvm/kvm_words.hpp"
#include "tools/map/map_runs.hpp"
#include "tools/memory/memory_image.hpp"
#include "tools/report/report_page.hpp"
#include "tools/report/report_source.hpp"
#include "tools/walk/walk_answer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>

namespace twofold::fuzz {
namespace {

using namespace twofold::tool;

// A file without a place in any folder.
class AnonymousFile {
public:
    explicit AnonymousFile(std::string_view contents)
        : descriptor_{::memfd_create("image", MFD_CLOEXEC)} {
        check(descriptor_.is_open() &&
                  ::write(descriptor_.number(), contents.data(), contents.size()) ==
                      static_cast<ssize_t>(contents.size()),
              "a file can be made");
    }
    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_.number()); }

private:
    FileDescriptor descriptor_;
};

constexpr std::uint64_t vtcrs[] = {
    0x802d'3558,   // 4K, 40 bits from level 1
    0x8004'351e,   // 4K, 34 bits from level 2
    0x1'802e'3594, // 4K with LPA2, 44 bits from level 0
    0x8005'b590,   // 16K, 48 bits from level 1
    0x8006'758c,   // 64K, 52 bits from level 1
};

// Every run begins where the one before it ends, and together they are the whole space.
void map(const Regime& regime, MemoryImage& image) {
    constexpr std::uint64_t most_runs = 5000;
    std::uint64_t told = 0;
    MapRuns runs{regime, most_runs, [&told](const MapRun& run) {
                     check(run.ipa.value == told && run.size != 0, "runs follow each other");
                     told = run.ipa.value + run.size;
                     return true;
                 }};
    const TreeReport report = visit_tree(regime, image, runs, 64);
    runs.finish();
    check(report.stopped_at.has_value() || told == regime.geometry()->ipa_limit() || runs.full(),
          "a map has no gaps");
}

void read_image(ByteChoices& choices, std::string_view contents) {
    const bool raw = choices.below(2) == 0;
    const std::uint64_t vtcr = vtcrs[choices.below(std::size(vtcrs))];
    const Ipa ipa{static_cast<std::uint64_t>(choices.below(256)) << 28};
    const AnonymousFile file{contents};
    MemoryImage image;
    if (!image.add(raw ? file.path() + "@0x40000000" : file.path())) {
        return;
    }
    const Regime regime{known_cpus().front(), {.vtcr = vtcr, .vttbr = 0x4000'0000}};
    check(regime.geometry().has_value(), "these are legal");
    const auto answer = answer_walk(regime, image, {.ipa = ipa});
    check(static_cast<bool>(answer), "the model speaks for them");
    check(!walk_json(regime, *answer).dump().empty() && !walk_text(regime, *answer).empty(),
          "an answer can be told");
    map(regime, image);
}

// What is mapped with leaves smaller than a size is in pieces of it that are complete or partial.
void add_up(const KvmFigures& figures) {
    for (const KvmLarger& larger : figures.larger) {
        std::uint64_t smaller = 0;
        for (const auto& [level, bytes] : figures.mapped) {
            smaller += level > larger.level ? bytes : 0;
        }
        check((larger.uniform + larger.mixed) * larger.size + larger.partial_mapped_bytes ==
                  smaller,
              "pieces add up");
        check(larger.partial_mapped_bytes <= larger.partial * larger.size, "partial is less");
    }
}

// Runs follow each other within their space, sums have no less than the runs, and what is written
// is JSON again, with nothing in it that HTML would take for its own.
void page_of(std::string_view contents) {
    ReportSources sources{20};
    std::istringstream text{std::string{contents}};
    if (!sources.add_text("input", text)) {
        return;
    }
    const ReportData& data = sources.data();
    for (const ReportSpace& space : data.spaces) {
        std::uint64_t end = 0;
        for (const ReportRun& run : space.runs) {
            check(run.ipa >= end && run.bytes != 0 && run.kind < space.kinds.size(),
                  "runs do not overlap");
            end = run.end();
        }
        check(end <= std::uint64_t{1} << space.ipa_bits, "runs are within their space");
        check(space.runs.size() <= 20, "runs are bounded");
    }
    constexpr std::string_view pieces[] = {page_data_mark};
    const auto page = report_page(data, pieces);
    check(page && page->find_first_of("<>&") == std::string::npos, "data is no markup");
    check(nlohmann::json::accept(*page), "data is JSON");
}

void read_text(ByteChoices& choices, std::string_view contents) {
    const std::size_t cut = choices.below(256);
    const KvmSource now = read_kvm_text("now", contents, {});
    const KvmSource before = read_kvm_text("before", contents.substr(0, cut), {});
    KvmReport report;
    report.traces = &now.traces;
    for (const KvmTable& table : now.tables) {
        report.tables.push_back({&table, kvm_figures(table.dump, {}), {}});
        add_up(report.tables.back().figures);
        check(!kvm_change(table.dump, table.dump).any(), "nothing changes into itself");
        if (!before.tables.empty()) {
            report.tables.back().change = kvm_change(before.tables[0].dump, table.dump);
        }
    }
    // Throws on what is no UTF-8.
    check(!kvm_json(report).dump().empty(), "an answer can be told");
    check(kvm_openmetrics(report).ends_with("# EOF\n"), "metrics have an end");
    kvm_text(report);
    page_of(contents);
}

} // namespace
} // namespace twofold::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): as libFuzzer has it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace twofold::fuzz;
    // Choices stand behind the contents, which so begin as files of their form do.
    constexpr std::size_t choice_bytes = 4;
    const std::size_t length = size > choice_bytes ? size - choice_bytes : 0;
    ByteChoices choices{{data + length, size - length}};
    const std::string_view contents{reinterpret_cast<const char*>(data), length};
    if (choices.below(2) == 0) {
        read_image(choices, contents);
    } else {
        read_text(choices, contents);
    }
    return 0;
}
