// SPDX-License-Identifier: MIT
// Reading of what was measured.
#include "measured.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

namespace twofold::bench {

namespace {

// Under `-icount shift=0` an instruction takes a nanosecond.
constexpr double instructions_per_second = 1e9;

// What a line of the console says behind a word, and behind the speaker's name.
std::optional<std::istringstream> behind(const std::string& line, const std::string& words) {
    const auto at = line.find(words);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    return std::istringstream{line.substr(at + words.size())};
}

} // namespace

std::optional<BareResults> read_bare(const std::filesystem::path& file) {
    std::ifstream in{file};
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

std::vector<std::pair<std::string, double>> read_host(const std::filesystem::path& file) {
    std::ifstream in{file};
    const auto json = nlohmann::json::parse(in, nullptr, false);
    std::vector<std::pair<std::string, double>> nanoseconds;
    if (json.is_object() && json.contains("benchmarks")) {
        for (const auto& b : json["benchmarks"]) {
            nanoseconds.emplace_back(b.value("name", ""), 1e9 / b.value("items_per_second", 0.0));
        }
    }
    return nanoseconds;
}

std::optional<std::map<std::string, double>> read_events(const std::filesystem::path& file) {
    std::ifstream in{file};
    std::map<std::string, double> instructions;
    double frequency = 0;
    for (std::string line; std::getline(in, line);) {
        if (auto rest = behind(line, "events end")) {
            return instructions;
        }
        if (auto rest = behind(line, "frequency ")) {
            *rest >> frequency;
        } else if (rest = behind(line, "event "); rest) {
            std::string name;
            double repetitions = 0;
            double ticks = 0;
            double empty = 0;
            if (!(*rest >> name >> repetitions >> ticks >> empty) || frequency == 0) {
                break;
            }
            instructions[name] =
                (ticks - empty) / repetitions * instructions_per_second / frequency;
        }
    }
    return std::nullopt;
}

std::optional<double> read_boot(const std::filesystem::path& file) {
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) {
        auto rest = behind(line, "counter at the start of init: ");
        double ticks = 0;
        double frequency = 0;
        std::string word;
        if (rest && *rest >> ticks >> word >> frequency && frequency != 0) {
            return ticks * instructions_per_second / frequency;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> read_faults(const std::filesystem::path& file) {
    std::ifstream in{file};
    const auto json = nlohmann::json::parse(in, nullptr, false);
    if (!json.is_object() || !json.contains("faults")) {
        return std::nullopt;
    }
    std::uint64_t sum = 0;
    for (const auto& kind : json["faults"]) {
        sum += kind.value("count", std::uint64_t{0});
    }
    return sum;
}

} // namespace twofold::bench
