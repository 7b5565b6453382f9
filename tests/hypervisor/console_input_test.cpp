// SPDX-License-Identifier: MIT
// What is typed at the console: for the guest, or for the monitor.
#include "devices/console_input.hpp"
#include "fake_input.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twofold {
namespace {

class Escaped final : public hyp::EscapedInput {
public:
    void open() override { text += '<'; }
    void type(char character) override { text += character; }
    void close() override { text += '>'; }
    void hand_over(bool open) override { text += open ? '+' : '-'; }

    std::string text;
};

class ConsoleInput : public testing::Test {
protected:
    void SetUp() override { input.init(device, monitor); }

    // As long as the device's interrupt is on and has a reason.
    void type(std::string_view text) {
        device.type(text);
        interrupt();
    }
    void interrupt() {
        for (unsigned i = 0; device.interrupt && !device.waiting.empty(); ++i) {
            ASSERT_LT(i, 10U) << "an interrupt storm";
            input.receive();
        }
    }
    std::string for_guest() {
        std::string text;
        for (char character = 0; input.try_get(character);)
            text += character;
        return text;
    }

    FakeInput device;
    Escaped monitor;
    hyp::ConsoleInput input;
};

TEST_F(ConsoleInput, IsTheGuestsAtFirst) {
    EXPECT_TRUE(device.interrupt);
    type("hello\r\x01\x03\x04");
    EXPECT_EQ(for_guest(), "hello\r\x01\x03\x04");
    EXPECT_EQ(monitor.text, "");
    EXPECT_EQ(for_guest(), "");
}

TEST_F(ConsoleInput, GoesToTheMonitorBetweenTheKeys) {
    type("a\x1dslots\rmap\r\x04z");
    EXPECT_EQ(monitor.text, "<slots\rmap\r>");
    EXPECT_EQ(for_guest(), "az");
    type("\x1d\x04\x1dx\x04y");
    EXPECT_EQ(monitor.text, "<slots\rmap\r><><x>");
    EXPECT_EQ(for_guest(), "y");
}

TEST_F(ConsoleInput, GivesTheGuestTheKeyThatIsDoubled) {
    type("\x1d\x1d"
         "a");
    EXPECT_EQ(monitor.text, "<>");
    EXPECT_EQ(for_guest(), "\x1d"
                           "a");
    // Not in the middle of a line.
    type("\x1dm\x1dn\x04");
    EXPECT_EQ(monitor.text, "<><mn>");
    EXPECT_EQ(for_guest(), "");
}

TEST_F(ConsoleInput, KeepsWhatTheGuestDoesNotTake) {
    const std::string many(hyp::ConsoleInput::capacity + 40, 'x');
    type(many);
    EXPECT_FALSE(device.interrupt);
    EXPECT_EQ(device.waiting.size(), 40U);
    char character = 0;
    ASSERT_TRUE(input.try_get(character));
    EXPECT_TRUE(device.interrupt);
    interrupt();
    EXPECT_FALSE(device.interrupt);
    std::string all{character};
    while (all.size() < many.size()) {
        all += for_guest();
        interrupt();
    }
    EXPECT_EQ(all, many);
    EXPECT_TRUE(device.interrupt);
}

TEST_F(ConsoleInput, LetsTheMonitorListenWhileTheGuestDoesNot) {
    type(std::string(hyp::ConsoleInput::capacity - 1, 'x') + "\x1dhelp\r");
    EXPECT_EQ(monitor.text, "<help\r");
    type(std::string(1000, 'm') + "\x04");
    EXPECT_EQ(monitor.text.size(), 6U + 1000 + 1);
    EXPECT_EQ(for_guest().size(), hyp::ConsoleInput::capacity - 1);
}

} // namespace
} // namespace twofold
