// SPDX-License-Identifier: MIT
// Who gets what is typed, where there are several guests.
#include "devices/keyboard.hpp"
#include "fake_input.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace twofold {
namespace {

using Passed = hyp::KeyboardSeat::Passed;

class Uart final : public FakeInput, public hyp::KeyboardInterrupt {
public:
    void route(unsigned cpu) override { target = cpu; }
    void raise() override { raised = true; }

    bool raised = false;
    unsigned target = 99;
};

// Passes the keyboard on at "/0", "/1" and so on, with `behind` as what was typed already.
class Monitor final : public hyp::EscapedInput {
public:
    void open() override { text += '<'; }
    void type(char character) override {
        text += character;
        if (text.size() >= 2 && text[text.size() - 2] == '/')
            passed = seat->pass({&character, 1}, behind);
    }
    void close() override { text += '>'; }
    void hand_over(bool open) override { text += open ? '+' : '-'; }

    hyp::KeyboardSeat* seat = nullptr;
    std::string text;
    std::string behind;
    Passed passed = Passed::unknown;
};

struct Guest {
    hyp::KeyboardSeat seat;
    hyp::ConsoleInput input;
    Monitor monitor;

    std::string typed() {
        std::string text;
        for (char character = 0; input.try_get(character);)
            text += character;
        return text;
    }
};

class Keyboard : public testing::Test {
protected:
    void SetUp() override {
        keyboard.init(uart, uart);
        constexpr std::array<std::string_view, 3> names{"linux", "vm2", "vm3"};
        for (unsigned i = 0; i < guests.size(); ++i) {
            Guest& guest = guests[i];
            guest.monitor.seat = &guest.seat;
            ASSERT_TRUE(guest.seat.sit(keyboard, names[i], 2 * i, guest.input));
            guest.input.init(guest.seat, guest.monitor);
        }
    }

    // The CPU that the interrupt goes to takes it, as long as there is a reason.
    void type(std::string_view text) {
        uart.type(text);
        for (unsigned i = 0; uart.raised || (uart.interrupt && !uart.waiting.empty()); ++i) {
            ASSERT_LT(i, 10U) << "an interrupt storm";
            uart.raised = false;
            guests[uart.target / 2].input.receive();
        }
    }

    Uart uart;
    hyp::Keyboard keyboard;
    std::array<Guest, 3> guests;
};

TEST_F(Keyboard, IsTheFirstGuestsAtFirst) {
    EXPECT_EQ(uart.target, 0U);
    EXPECT_TRUE(uart.interrupt);
    EXPECT_TRUE(guests[0].seat.has_keyboard());
    type("hello");
    EXPECT_EQ(guests[0].typed(), "hello");
    type("more");
    guests[1].input.receive();
    EXPECT_EQ(guests[1].typed(), "");
    EXPECT_EQ(guests[0].typed(), "more");
}

TEST_F(Keyboard, GoesToAnotherGuestWithTheOpenMonitor) {
    type("a\x1d/1bc\x04"
         "d");
    EXPECT_EQ(guests[0].monitor.passed, Passed::yes);
    EXPECT_EQ(guests[0].monitor.text, "</1-");
    EXPECT_EQ(guests[1].monitor.text, "+bc>");
    EXPECT_EQ(uart.target, 2U);
    EXPECT_EQ(guests[0].typed(), "a");
    EXPECT_EQ(guests[1].typed(), "d");
    // And back.
    type("\x1d/0\x04z");
    EXPECT_EQ(uart.target, 0U);
    EXPECT_EQ(guests[0].monitor.text, "</1-+>");
    EXPECT_EQ(guests[0].typed(), "z");
    EXPECT_EQ(guests[1].typed(), "");
}

TEST_F(Keyboard, IsFoundByNameBeforeNumber) {
    EXPECT_EQ(guests[0].seat.pass("vm3", ""), Passed::yes);
    EXPECT_EQ(uart.target, 4U);
    EXPECT_EQ(guests[2].seat.pass("1", ""), Passed::yes);
    EXPECT_EQ(uart.target, 2U);
    for (const char* const name : {"", "3", "vm", "vm22", "10", "-1", "/"})
        EXPECT_EQ(guests[1].seat.pass(name, ""), Passed::unknown) << name;
    EXPECT_EQ(guests[1].seat.pass("vm2", ""), Passed::kept);
    // Who does not have it cannot give it away.
    EXPECT_EQ(guests[0].seat.pass("vm3", ""), Passed::kept);
    EXPECT_EQ(uart.target, 2U);
}

TEST_F(Keyboard, WhatWasTypedAheadGoesAlong) {
    guests[0].monitor.behind = "map\r";
    type("\x1d/1");
    EXPECT_EQ(guests[1].monitor.text, "+map\r");
    // Before what was put back earlier and not read.
    guests[1].monitor.behind = "/2xy";
    guests[0].monitor.behind = "";
    guests[2].monitor.behind = "!";
    type("/0");
    EXPECT_EQ(guests[0].monitor.text, "</1-+/2-");
    EXPECT_EQ(guests[2].monitor.text, "+xy");
    EXPECT_EQ(guests[1].monitor.text, "+map\r/0-");
}

TEST_F(Keyboard, TooMuchTypedAheadIsLostAtItsEnd) {
    guests[0].monitor.behind = std::string(300, 'm');
    type("\x1d/1");
    EXPECT_EQ(guests[1].monitor.text, "+" + std::string(256, 'm'));
    type("n");
    EXPECT_EQ(guests[1].monitor.text, "+" + std::string(256, 'm') + "n");
}

TEST_F(Keyboard, IsPassedOnByAGuestThatEnds) {
    EXPECT_EQ(guests[1].seat.leave(), ""); // it did not have it
    type("\x1d/1");
    EXPECT_EQ(guests[0].monitor.passed, Passed::gone);
    type("\x04x");
    EXPECT_EQ(guests[0].seat.leave(), "vm3");
    EXPECT_EQ(uart.target, 4U);
    type("y");
    EXPECT_EQ(guests[2].typed(), "y");
    EXPECT_EQ(guests[0].typed(), "x");
    EXPECT_FALSE(guests[0].seat.is_taken());
    EXPECT_EQ(guests[2].seat.leave(), "");
    EXPECT_FALSE(uart.interrupt); // there is nobody to take it
}

TEST_F(Keyboard, AGuestThatDoesNotListenDoesNotKeepItFromOthers) {
    type(std::string(hyp::ConsoleInput::capacity + 5, 'x'));
    EXPECT_FALSE(uart.interrupt);
    EXPECT_EQ(guests[0].seat.leave(), "vm2");
    EXPECT_TRUE(uart.interrupt);
    type("y");
    EXPECT_EQ(guests[1].typed(), "xxxxxy");
    // What the first one does now is of no consequence.
    guests[0].typed();
    guests[0].input.set_receive_interrupt(false);
    EXPECT_TRUE(uart.interrupt);
}

} // namespace
} // namespace twofold
