// SPDX-License-Identifier: MIT
// Joins what was measured on the host and on bare metal to one table and one list of JSON:
//   twofold-bench-report GOOGLE-BENCHMARK.json LSE.txt V80.txt OUTPUT.json
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

struct Counts {
    double operations = 0;
    double instructions = 0;
    std::uint64_t tlbis = 0;
    std::uint64_t barriers = 0;
    std::uint64_t tables = 0;
    double per_operation() const { return instructions / operations; }
};
using BareResults = std::map<std::string, Counts>;

// Lines of bench/bare; nothing if the run did not come to its end.
std::optional<BareResults> read_bare(const char* path) {
    std::ifstream in{path};
    BareResults results;
    for (std::string word; in >> word;) {
        if (word == "end") {
            return results;
        }
        std::string name;
        Counts c;
        if (word != "case" ||
            !(in >> name >> c.operations >> c.instructions >> c.tlbis >> c.barriers >> c.tables)) {
            break;
        }
        results[name] = c;
    }
    return std::nullopt;
}

std::vector<std::pair<std::string, double>> read_host(const char* path) {
    std::ifstream in{path};
    const auto json = nlohmann::json::parse(in, nullptr, false);
    std::vector<std::pair<std::string, double>> nanoseconds;
    if (json.is_object() && json.contains("benchmarks")) {
        for (const auto& b : json["benchmarks"]) {
            nanoseconds.emplace_back(b.value("name", ""), 1e9 / b.value("items_per_second", 0.0));
        }
    }
    return nanoseconds;
}

int report(const char* host_path, const char* lse_path, const char* v80_path,
           const char* output_path) {
    const auto host = read_host(host_path);
    const auto lse = read_bare(lse_path);
    const auto v80 = read_bare(v80_path);
    if (host.empty() || !lse || !v80 || !lse->contains("store_loop")) {
        fmt::print(stderr, "twofold-bench-report: a measurement is missing or was cut short\n");
        return 1;
    }
    const double limit = lse->at("store_loop").per_operation();

    fmt::print("{:<18} {:>10} {:>12} {:>12} {:>10} {:>9} {:>9} {:>8}\n", "name", "ns/op", "insn/op",
               "v8.0 insn/op", "x limit", "TLBI", "DSB", "tables");
    nlohmann::json list = nlohmann::json::array();
    for (const auto& [name, ns] : host) {
        if (!lse->contains(name) || !v80->contains(name)) {
            fmt::print(stderr, "twofold-bench-report: {} was not measured on bare metal\n", name);
            return 1;
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
    std::ofstream out{output_path};
    out << list.dump(2) << '\n';
    return out.good() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: twofold-bench-report HOST.json LSE.txt V80.txt OUTPUT.json\n", stderr);
        return 2;
    }
    try {
        return report(argv[1], argv[2], argv[3], argv[4]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "twofold-bench-report: %s\n", error.what());
        return 1;
    }
}
