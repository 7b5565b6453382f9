// SPDX-License-Identifier: MIT
// The keyboard goes round among guests on CPUs of their own while somebody types: each key arrives
// once, in order, at the guest that was named last.
#include "devices/keyboard.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace twofold {
namespace {

constexpr unsigned guests = 4;

class Uart final : public hyp::CharacterInput, public hyp::KeyboardInterrupt {
public:
    explicit Uart(std::string keys) : keys_{std::move(keys)} {}

    bool try_get(char& character) override {
        const std::lock_guard guard{mutex_};
        if (next_ == keys_.size())
            return false;
        character = keys_[next_++];
        return true;
    }
    void set_receive_interrupt(bool) override {}
    void route(unsigned cpu) override { target = cpu; }
    void raise() override {}
    bool is_empty() {
        const std::lock_guard guard{mutex_};
        return next_ == keys_.size();
    }

    std::atomic<unsigned> target{0};

private:
    std::mutex mutex_;
    std::string keys_;
    std::size_t next_ = 0;
};

// A digit names the next guest, everything else is noted with who got it.
class Monitor final : public hyp::EscapedInput {
public:
    void open() override {}
    void type(char character) override {
        if (character < '0' || character > '9')
            got->push_back({number, character});
        else
            seat->pass({&character, 1}, {});
    }
    void close() override {}
    void hand_over(bool) override {}

    unsigned number = 0;
    hyp::KeyboardSeat* seat = nullptr;
    // Of whoever has the keyboard.
    std::vector<std::pair<unsigned, char>>* got = nullptr;
};

TEST(KeyboardThreads, EachKeyArrivesOnceWhereItIsMeantTo) {
    std::mt19937 random{1};
    std::string keys{hyp::ConsoleInput::escape};
    std::vector<std::pair<unsigned, char>> expected;
    unsigned named = 0;
    for (unsigned i = 0; i < 20'000; ++i) {
        if (random() % 3 == 0) {
            named = static_cast<unsigned>(random() % guests);
            keys += static_cast<char>('0' + named);
        } else {
            const char key = static_cast<char>('a' + random() % 26);
            keys += key;
            expected.emplace_back(named, key);
        }
    }
    Uart uart{keys};
    hyp::Keyboard keyboard;
    keyboard.init(uart, uart);
    constexpr std::array<std::string_view, guests> names{"a", "b", "c", "d"};
    std::array<hyp::KeyboardSeat, guests> seats;
    std::array<hyp::ConsoleInput, guests> inputs;
    std::array<Monitor, guests> monitors;
    std::vector<std::pair<unsigned, char>> got;
    for (unsigned i = 0; i < guests; ++i) {
        monitors[i].number = i;
        monitors[i].seat = &seats[i];
        monitors[i].got = &got;
        ASSERT_TRUE(seats[i].sit(keyboard, names[i], i, inputs[i]));
        inputs[i].init(seats[i], monitors[i]);
    }
    std::vector<std::thread> cpus;
    for (unsigned i = 0; i < guests; ++i) {
        cpus.emplace_back([&, i] {
            while (!uart.is_empty()) {
                if (uart.target == i)
                    inputs[i].receive();
                else
                    std::this_thread::yield();
            }
        });
    }
    for (std::thread& cpu : cpus)
        cpu.join();
    EXPECT_EQ(got, expected);
}

} // namespace
} // namespace twofold
