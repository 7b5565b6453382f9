// SPDX-License-Identifier: MIT
// The emulated PL011, driven as Linux's driver and as no driver does. Values from the PL011 manual.
#include "devices/virtual_uart.hpp"
#include "fake_input.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twofold::test {

namespace {

constexpr std::uint64_t base = 0x0900'0000;
constexpr unsigned dr = 0x00;
constexpr unsigned rsr = 0x04;
constexpr unsigned fr = 0x18;
constexpr unsigned lcr_h = 0x2c;
constexpr unsigned cr = 0x30;
constexpr unsigned ifls = 0x34;
constexpr unsigned imsc = 0x38;
constexpr unsigned ris = 0x3c;
constexpr unsigned mis = 0x40;
constexpr unsigned icr = 0x44;

constexpr std::uint64_t rx = 1 << 4;
constexpr std::uint64_t tx = 1 << 5;
constexpr std::uint64_t rt = 1 << 6;
constexpr std::uint64_t rxfe = 1 << 4;
constexpr std::uint64_t rxff = 1 << 6;
constexpr std::uint64_t enabled = 0x301; // RXE, TXE, UARTEN
constexpr std::uint64_t fifos = 0x70;    // 8 bits, FEN

class RealUart final : public hyp::CharacterOutput, public FakeInput {
public:
    RealUart() { interrupt = true; }
    void put(char character) override { sent += character; }

    std::string sent;
};

class Line final : public hyp::InterruptLine {
public:
    void set(bool high) override { level = high; }
    bool level = false;
};

class VirtualUart : public testing::Test {
protected:
    void SetUp() override { uart.init(Ipa{base}, real, real, line); }

    std::uint64_t read(unsigned offset, unsigned bytes = 4) {
        hyp::MmioAccess access{Ipa{base + offset}, bytes, false, 0};
        EXPECT_TRUE(uart.access(0, access));
        return access.value;
    }
    void write(unsigned offset, std::uint64_t value, unsigned bytes = 4) {
        hyp::MmioAccess access{Ipa{base + offset}, bytes, true, value};
        EXPECT_TRUE(uart.access(0, access));
    }
    void turn_on() {
        write(lcr_h, fifos);
        write(cr, enabled);
    }
    // The interrupt of the real UART, as long as it is on and has a reason.
    void interrupt() {
        for (unsigned i = 0; real.interrupt && !real.waiting.empty(); ++i) {
            ASSERT_LT(i, 10u) << "an interrupt storm";
            uart.receive();
        }
    }
    std::string drain() {
        std::string text;
        while ((read(fr) & rxfe) == 0)
            text += static_cast<char>(read(dr));
        return text;
    }

    RealUart real;
    Line line;
    hyp::VirtualUart uart;
};

TEST_F(VirtualUart, IsAnArmPl011OfRevision3) {
    const unsigned expected[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned i = 0; i < 8; ++i)
        EXPECT_EQ(read(0xfe0 + 4 * i), expected[i]) << i;
}

TEST_F(VirtualUart, StartsAsAfterReset) {
    EXPECT_EQ(read(cr), 0x300u);
    EXPECT_EQ(read(ifls), 0x12u);
    EXPECT_EQ(read(imsc), 0u);
    EXPECT_EQ(read(ris), 0u);
    EXPECT_EQ(read(lcr_h), 0u);
    EXPECT_EQ(read(fr) & 0xf8, 0x90u); // TXFE, RXFE
    EXPECT_FALSE(real.interrupt);
}

TEST_F(VirtualUart, SendsAtOnce) {
    for (const char character : std::string_view{"hello\r\n"}) {
        EXPECT_EQ(read(fr) & 0x28, 0u); // neither TXFF nor BUSY
        write(dr, static_cast<unsigned char>(character));
    }
    EXPECT_EQ(real.sent, "hello\r\n");
    write(dr, 'x', 1);
    write(dr, 0x1ff79, 2); // only the low eight bits are data
    EXPECT_EQ(real.sent, "hello\r\nxy");
}

TEST_F(VirtualUart, TransmitInterruptFollowsEachWriteUntilCleared) {
    turn_on();
    write(imsc, tx);
    EXPECT_FALSE(line.level); // nothing has been sent yet
    write(dr, 'a');
    EXPECT_TRUE(line.level);
    EXPECT_EQ(read(mis), tx);
    write(icr, tx);
    EXPECT_FALSE(line.level);
    write(dr, 'b');
    EXPECT_TRUE(line.level);
    write(imsc, 0);
    EXPECT_FALSE(line.level);
    EXPECT_EQ(read(ris), tx);
    EXPECT_EQ(read(mis), 0u);
}

TEST_F(VirtualUart, OneCharacterInterruptsByTimeout) {
    turn_on();
    write(imsc, rx | rt);
    real.type("a");
    interrupt();
    EXPECT_TRUE(line.level);
    EXPECT_EQ(read(ris), rt);
    EXPECT_EQ(read(fr) & rxfe, 0u);
    EXPECT_EQ(read(dr), static_cast<unsigned>('a'));
    EXPECT_FALSE(line.level);
    EXPECT_EQ(read(ris), 0u);
    EXPECT_EQ(read(fr) & rxfe, rxfe);
    EXPECT_EQ(read(dr), 0u);
}

TEST_F(VirtualUart, ReceiveInterruptFollowsTheTrigger) {
    // UARTIFLS.RXIFLSEL: eighths of 32
    const std::pair<unsigned, unsigned> levels[] = {{0, 4}, {1, 8}, {2, 16}, {3, 24}, {4, 28}};
    for (const auto& [select, trigger] : levels) {
        uart.reset();
        turn_on();
        write(ifls, select << 3);
        real.type(std::string(trigger - 1, 'x'));
        interrupt();
        EXPECT_EQ(read(ris) & rx, 0u) << select;
        real.type("x");
        interrupt();
        EXPECT_EQ(read(ris) & rx, rx) << select;
        read(dr);
        EXPECT_EQ(read(ris) & rx, 0u) << select;
        drain();
    }
}

TEST_F(VirtualUart, HoldsOneCharacterWithoutFifo) {
    write(cr, enabled);
    real.type("abc");
    interrupt();
    EXPECT_EQ(read(ris) & rx, rx);
    EXPECT_EQ(read(fr) & rxff, rxff);
    EXPECT_EQ(real.waiting.size(), 2u);
    EXPECT_FALSE(real.interrupt);
    EXPECT_EQ(drain(), "abc");
    EXPECT_TRUE(real.interrupt);
}

TEST_F(VirtualUart, LosesNothingWhenFull) {
    turn_on();
    std::string text;
    for (unsigned i = 0; i < 1000; ++i)
        text += static_cast<char>('!' + i % 90);
    real.type(text);
    interrupt();
    EXPECT_EQ(read(fr) & rxff, rxff);
    EXPECT_EQ(real.waiting.size(), 1000u - 32);
    EXPECT_FALSE(real.interrupt) << "it would come for ever";
    // One is taken, one comes in.
    EXPECT_EQ(static_cast<char>(read(dr)), text[0]);
    EXPECT_EQ(real.waiting.size(), 1000u - 33);
    EXPECT_FALSE(real.interrupt);
    EXPECT_EQ(drain(), text.substr(1));
    EXPECT_TRUE(real.interrupt);
}

TEST_F(VirtualUart, LeavesCharactersInTheRealUartUntilItIsOn) {
    real.type("early");
    uart.receive();
    EXPECT_EQ(read(fr) & rxfe, rxfe);
    EXPECT_FALSE(real.interrupt);
    write(lcr_h, fifos);
    write(cr, 0x201); // RXE, UARTEN
    EXPECT_EQ(drain(), "early");
    write(cr, 0x101); // the receiver off again
    EXPECT_FALSE(real.interrupt);
    real.type("late");
    uart.receive();
    EXPECT_EQ(read(fr) & rxfe, rxfe);
    write(cr, enabled);
    EXPECT_EQ(drain(), "late");
}

TEST_F(VirtualUart, KeepsWhatItHasWhenTheFifoIsTurnedOff) {
    turn_on();
    real.type("abcdef");
    interrupt();
    write(lcr_h, 0x60);
    real.type("gh");
    uart.receive();
    EXPECT_EQ(read(fr) & rxff, rxff);
    EXPECT_EQ(drain(), "abcdefgh");
}

TEST_F(VirtualUart, ResetLosesWhatItHeldButNotWhatWaits) {
    turn_on();
    write(imsc, 0x7ff);
    real.type(std::string(40, 'x'));
    interrupt();
    EXPECT_TRUE(line.level);
    uart.reset();
    EXPECT_FALSE(line.level);
    EXPECT_EQ(read(fr) & rxfe, rxfe);
    EXPECT_EQ(real.waiting.size(), 8u);
}

TEST_F(VirtualUart, LoopbackComesBack) {
    write(lcr_h, fifos);
    write(cr, enabled | 0x80);
    real.type("x");
    uart.receive();
    for (unsigned i = 0; i < 40; ++i)
        write(dr, 'a' + i % 26);
    EXPECT_EQ(real.sent, "");
    EXPECT_EQ(read(ris) & 0x400, 0x400u); // overrun
    for (unsigned i = 0; i < 32; ++i)
        EXPECT_EQ(read(dr) & 0xff, 'a' + i % 26);
    EXPECT_EQ(read(fr) & rxfe, rxfe);
    write(cr, enabled);
    EXPECT_EQ(drain(), "x");
}

TEST_F(VirtualUart, RegistersKeepOnlyTheirFields) {
    const std::pair<unsigned, std::uint64_t> registers[] = {
        {0x20, 0xff},   {0x24, 0xffff}, {0x28, 0x3f},  {0x2c, 0xff},
        {0x30, 0xff87}, {0x34, 0x3f},   {0x38, 0x7ff}, {0x48, 0x7},
    };
    for (const auto& [offset, fields] : registers) {
        write(offset, 0xffff'ffff);
        EXPECT_EQ(read(offset), fields) << std::hex << offset;
        write(offset, 0);
        EXPECT_EQ(read(offset), 0u) << std::hex << offset;
    }
    for (const unsigned offset : {0x18u, 0x3cu, 0x40u, 0xfe0u, 0xffcu}) { // read-only
        const std::uint64_t before = read(offset);
        write(offset, 0xffff'ffff);
        EXPECT_EQ(read(offset), before) << std::hex << offset;
    }
    EXPECT_EQ(read(rsr), 0u);
    write(rsr, 0);
}

TEST_F(VirtualUart, TakesAnyAccess) {
    real.type(std::string(100, 'z'));
    for (unsigned round = 0; round < 2; ++round) {
        for (unsigned offset = 0; offset < 0x1000; ++offset) {
            for (const unsigned bytes : {1u, 2u, 4u, 8u}) {
                for (const bool is_write : {false, true}) {
                    hyp::MmioAccess access{Ipa{base + offset}, bytes, is_write, ~0ull};
                    const bool done = uart.access(0, access);
                    EXPECT_EQ(done, bytes <= 4 && offset % bytes == 0);
                    if (done && !is_write && offset % 4 != 0) {
                        EXPECT_EQ(access.value, 0u);
                    }
                }
            }
        }
    }
}

} // namespace

} // namespace twofold::test
