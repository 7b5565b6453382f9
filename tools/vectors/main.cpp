// SPDX-License-Identifier: MIT
// twofold-vectors FILE.ndjson[.gz]: runs the model on translation vectors.
#include <tools/vectors/judge.hpp>
#include <tools/vectors/lines.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

namespace {

constexpr int exit_agrees = 0;
constexpr int exit_differs = 1;
constexpr int exit_unusable = 2;

constexpr std::size_t most_differences_shown = 20;

} // namespace

int main(int argc, char** argv) {
    using namespace twofold::vectors;
    if (argc != 2 || std::string_view(argv[1]).starts_with("-")) {
        std::cerr << "usage: twofold-vectors FILE.ndjson[.gz]\n";
        return exit_unusable;
    }
    std::string error;
    const auto lines = read_lines(argv[1], error);
    if (!lines) {
        std::cerr << "twofold-vectors: " << error << '\n';
        return exit_unusable;
    }
    if (lines->empty()) {
        std::cerr << "twofold-vectors: " << argv[1] << ": no vectors\n";
        return exit_unusable;
    }

    std::size_t passed = 0;
    std::size_t failed = 0;
    std::size_t skipped = 0;
    std::map<std::string, std::size_t> skips;
    for (std::size_t i = 0; i < lines->size(); ++i) {
        const auto vector = parse_vector((*lines)[i], error);
        const Judgement judgement = vector ? judge(*vector) : Judgement{Verdict::failed, error};
        switch (judgement.verdict) {
        case Verdict::passed:
            ++passed;
            break;
        case Verdict::skipped:
            ++skipped;
            ++skips[judgement.why];
            break;
        case Verdict::failed:
            if (++failed <= most_differences_shown) {
                std::cout << "vector " << i + 1 << ": " << judgement.why << '\n';
            }
            break;
        }
    }
    if (failed > most_differences_shown) {
        std::cout << failed - most_differences_shown << " more\n";
    }
    for (const auto& [why, count] : skips) {
        std::cout << "skipped " << count << ": " << why << '\n';
    }
    std::cout << passed << " passed, " << failed << " failed, " << skipped << " skipped\n";
    return failed == 0 ? exit_agrees : exit_differs;
}
