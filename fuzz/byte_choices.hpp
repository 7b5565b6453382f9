// SPDX-License-Identifier: MIT
// ByteChoices: the fuzzer's bytes as choices. When they are used up, every choice is 0.
#pragma once

#include "table/choices.hpp"

#include <cstdint>
#include <span>

namespace twofold::fuzz {

class ByteChoices final : public test::Choices {
public:
    explicit ByteChoices(std::span<const std::uint8_t> bytes) : bytes_{bytes} {}

    // Takes as many bytes as hold n - 1.
    std::uint64_t below(std::uint64_t n) override {
        std::uint64_t value = 0;
        for (std::uint64_t most = n - 1; most != 0; most >>= 8) {
            value = value << 8 | byte();
        }
        return value % n;
    }
    bool flag() { return (byte() & 1) != 0; }
    std::uint64_t word() {
        std::uint64_t value = 0;
        for (int i = 0; i < 8; ++i) {
            value = value << 8 | byte();
        }
        return value;
    }
    bool empty() const { return bytes_.empty(); }

private:
    std::uint8_t byte() {
        if (bytes_.empty()) {
            return 0;
        }
        const std::uint8_t first = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return first;
    }

    std::span<const std::uint8_t> bytes_;
};

} // namespace twofold::fuzz
