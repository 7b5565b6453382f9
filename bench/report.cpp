// SPDX-License-Identifier: MIT
// Joins what was measured on the host, on bare metal and by guests to two tables and one list of
// JSON:
//   twofold-bench-report FOLDER OUTPUT.json
#include "event_report.hpp"
#include "measured.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <exception>
#include <fstream>

namespace {

using namespace twofold::bench;

bool report_operations(const std::filesystem::path& folder, nlohmann::json& list) {
    const auto host = read_host(folder / "host.json");
    const auto lse = read_bare(folder / "lse.txt");
    const auto v80 = read_bare(folder / "v80.txt");
    if (host.empty() || !lse || !v80 || !lse->contains("store_loop")) {
        fmt::print(stderr, "twofold-bench-report: a measurement is missing or was cut short\n");
        return false;
    }
    const double limit = lse->at("store_loop").per_operation();

    fmt::print("{:<18} {:>10} {:>12} {:>12} {:>10} {:>9} {:>9} {:>8}\n", "name", "ns/op", "insn/op",
               "v8.0 insn/op", "x limit", "TLBI", "DSB", "tables");
    for (const auto& [name, ns] : host) {
        if (!lse->contains(name) || !v80->contains(name)) {
            fmt::print(stderr, "twofold-bench-report: {} was not measured on bare metal\n", name);
            return false;
        }
        const Counts& c = lse->at(name);
        const double ratio = c.per_operation() / limit;
        fmt::print("{:<18} {:>10.2f} {:>12.2f} {:>12.2f} {:>10.1f} {:>9} {:>9} {:>8}\n", name, ns,
                   c.per_operation(), v80->at(name).per_operation(), ratio, c.tlbis, c.barriers,
                   c.tables);
        list.push_back({{"name", name},
                        {"ops", c.operations},
                        {"ns_per_op", ns},
                        {"insn_per_op", c.per_operation()},
                        {"insn_per_op_v80", v80->at(name).per_operation()},
                        {"tlbi", c.tlbis},
                        {"dsb", c.barriers},
                        {"tables", c.tables},
                        {"limit_ratio", ratio}});
    }
    return true;
}

// What is beyond a ceiling is still written down.
int report(const char* folder, const char* output_path) {
    nlohmann::json list = nlohmann::json::array();
    if (!report_operations(folder, list)) {
        return 1;
    }
    const Verdict verdict = report_events(folder, list);
    if (verdict == Verdict::incomplete) {
        return 1;
    }
    std::ofstream out{output_path};
    out << list.dump(2) << '\n';
    return out.good() && verdict == Verdict::within ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: twofold-bench-report FOLDER OUTPUT.json\n", stderr);
        return 2;
    }
    try {
        return report(argv[1], argv[2]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "twofold-bench-report: %s\n", error.what());
        return 1;
    }
}
