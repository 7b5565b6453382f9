// SPDX-License-Identifier: MIT
// Choices: where a random test takes its decisions from - a seeded generator, or a fuzzer's bytes.
#pragma once

#include <cstdint>
#include <random>

namespace twofold::test {

class Choices {
public:
    virtual ~Choices() = default;
    // A number below `n`, which is not 0.
    virtual std::uint64_t below(std::uint64_t n) = 0;
    bool one_in(std::uint64_t n) { return below(n) == 0; }
};

class SeededChoices final : public Choices {
public:
    explicit SeededChoices(std::uint64_t seed) : random_{seed} {}
    std::uint64_t below(std::uint64_t n) override { return random_() % n; }

private:
    std::mt19937_64 random_;
};

} // namespace twofold::test
