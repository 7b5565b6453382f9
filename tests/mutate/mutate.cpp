// SPDX-License-Identifier: MIT
// twofold-mutate: plants one fault after another into the engine, in a copy of the header that it
// concerns, runs the workload on it, and asks whether the checker has reported it.
#include "plants.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace twofold::mutate {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
    std::ostringstream all;
    all << std::ifstream{file}.rdbuf();
    return all.str();
}

struct Outcome {
    enum class Kind { reported, missed, broken } kind = Kind::broken;
    std::string text = {};
};

class Bench {
public:
    Bench(fs::path source, fs::path work, std::string library)
        : source_{std::move(source)},
          work_{std::move(work)},
          library_{std::move(library)} {}

    // The engine as it is: it has to pass.
    Outcome unaltered() const { return build_and_run(work_ / "none"); }

    // Where in the header the plant goes; empty, and `why`, where it has no place.
    std::optional<std::size_t> place(const Plant& plant, const std::string& text,
                                     std::string& why) const {
        const std::size_t at = text.find(plant.before);
        if (at == std::string::npos) {
            why = "its text is not in " + plant.file + " any more";
            return std::nullopt;
        }
        if (text.find(plant.before, at + 1) != std::string::npos) {
            why = "its text is in " + plant.file + " more than once";
            return std::nullopt;
        }
        return at;
    }
    std::string header_of(const Plant& plant) const {
        return contents(source_ / "include/twofold" / plant.file);
    }

    Outcome with(const Plant& plant) const {
        std::string text = header_of(plant);
        std::string why;
        const auto at = place(plant, text, why);
        if (!at) {
            return {Outcome::Kind::broken, why};
        }
        text.replace(*at, plant.before.size(), plant.after);
        const fs::path folder = work_ / plant.name;
        fs::create_directories((folder / "twofold" / plant.file).parent_path());
        std::ofstream{folder / "twofold" / plant.file} << text;
        return build_and_run(folder);
    }

private:
    // Includes are looked for in `folder` first.
    Outcome build_and_run(const fs::path& folder) const {
        fs::create_directories(folder);
        const char* compiler = std::getenv("CXX");
        const std::string program = (folder / "workload").string();
        const std::string log = (folder / "log").string();
        std::ostringstream build;
        build << (compiler != nullptr ? compiler : "c++") << " -std=c++23 -Og -w -I" << folder
              << " -I" << source_ / "include"
              << " -I" << source_ / "tests" << ' ' << source_ / "tests/mutate/workload.cpp" << ' '
              << library_ << " -o " << program << " >" << log << " 2>&1";
        if (std::system(build.str().c_str()) != 0) {
            return {Outcome::Kind::broken, "does not compile, see " + log};
        }
        // A rare meeting of two operations takes longer to come about.
        int status = 0;
        for (const char* steps_and_seed : {" 1500 1", " 5000 1000"}) {
            std::ostringstream run;
            run << "timeout 120 " << program << steps_and_seed << " >" << log << " 2>&1";
            status = std::system(run.str().c_str());
            if (status != 0) {
                break;
            }
        }
        std::ifstream output{log};
        std::string line;
        std::getline(output, line);
        fs::remove(program);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
            return {Outcome::Kind::reported, line};
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            return {Outcome::Kind::missed, "no report"};
        }
        return {Outcome::Kind::missed, "ended without a report: " + line};
    }

    fs::path source_;
    fs::path work_;
    std::string library_;
};

// "event N: rule (cause) at ...": the rule and the cause.
std::string rule_of(const std::string& line) {
    const std::size_t from = line.find(": ");
    const std::size_t to = line.find(" at ipa");
    return from == std::string::npos || to == std::string::npos
               ? line
               : line.substr(from + 2, to - from - 2);
}

// Whether each has its place in the engine as it is now.
int look(const Bench& bench, const std::vector<Plant>& plants) {
    int status = 0;
    for (const Plant& plant : plants) {
        std::string why;
        if (!bench.place(plant, bench.header_of(plant), why)) {
            std::printf("%s: %s\n", plant.name.c_str(), why.c_str());
            status = 1;
        }
    }
    return status;
}

int run(const Bench& bench, const std::vector<Plant>& plants, unsigned jobs) {
    if (const Outcome clean = bench.unaltered();
        clean.kind != Outcome::Kind::missed || clean.text != "no report") {
        std::cerr << "the engine without a fault: " << clean.text << '\n';
        return 1;
    }
    std::vector<Outcome> outcomes(plants.size());
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < jobs; ++i) {
        workers.emplace_back([&] {
            for (std::size_t p = next++; p < plants.size(); p = next++) {
                outcomes[p] = bench.with(plants[p]);
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    std::size_t reported = 0;
    for (std::size_t p = 0; p < plants.size(); ++p) {
        const Outcome& o = outcomes[p];
        const bool good = o.kind == Outcome::Kind::reported;
        reported += good ? 1 : 0;
        std::printf("%-44s %s%s\n", plants[p].name.c_str(),
                    good                              ? ""
                    : o.kind == Outcome::Kind::missed ? "MISSED: "
                                                      : "BROKEN: ",
                    good ? rule_of(o.text).c_str() : o.text.c_str());
    }
    std::printf("%zu of %zu planted faults reported\n", reported, plants.size());
    return reported == plants.size() ? 0 : 1;
}

} // namespace
} // namespace twofold::mutate

// SOURCE-FOLDER WORK-FOLDER LIBRARY [NAME...]: all plants, or those named.
// SOURCE-FOLDER: whether all have their places, without planting any.
int main(int argc, char** argv) {
    using namespace twofold::mutate;
    if (argc != 2 && argc < 4) {
        std::fprintf(stderr,
                     "usage: twofold-mutate SOURCE-FOLDER [WORK-FOLDER LIBRARY [NAME...]]\n");
        return 2;
    }
    std::string error;
    std::vector<Plant> plants =
        read_plants(std::string{argv[1]} + "/tests/mutate/plants.txt", error);
    if (!error.empty()) {
        std::fprintf(stderr, "%s\n", error.c_str());
        return 1;
    }
    if (argc == 2) {
        return look(Bench{argv[1], "", ""}, plants);
    }
    const std::vector<std::string> names{argv + 4, argv + argc};
    if (!names.empty()) {
        std::erase_if(plants, [&](const Plant& plant) {
            return std::find(names.begin(), names.end(), plant.name) == names.end();
        });
    }
    const unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    return run(Bench{argv[1], argv[2], argv[3]}, plants, jobs);
}
