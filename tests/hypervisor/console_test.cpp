// SPDX-License-Identifier: MIT
// Several speakers on one UART.
#include "devices/console.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace twofold::test {

namespace {

std::atomic<std::uint64_t> now;

class Screen final : public hyp::CharacterOutput {
public:
    void put(char character) override { text += character; }
    // What came since the last call.
    std::string more() {
        std::string result = text.substr(seen_);
        seen_ = text.size();
        return result;
    }
    std::string text;

private:
    std::size_t seen_ = 0;
};

class Console : public testing::Test {
protected:
    void SetUp() override {
        now = 1000;
        console.init(
            screen, [] { return now.load(); }, 20);
        ASSERT_TRUE(a.attach(console, "a"));
        ASSERT_TRUE(b.attach(console, "b"));
    }

    Screen screen;
    hyp::Console console;
    hyp::ConsoleSpeaker a;
    hyp::ConsoleSpeaker b;
};

TEST_F(Console, LinesBeginWithTheName) {
    a.write("one\ntwo\r\n\nthree");
    b.write("four\n");
    EXPECT_EQ(screen.text, "[a] one\r\n[a] two\r\n[a] \r\n[a] three\r\n[b] four\r\n[a] three");
}

TEST_F(Console, APromptIsShownAtOnce) {
    for (const char character : std::string_view{"login: "})
        a.put(character);
    EXPECT_EQ(screen.text, "[a] login: ");
}

TEST_F(Console, AnotherLineDoesNotTearAnOpenOne) {
    a.write("abc");
    b.write("xy");
    EXPECT_EQ(screen.more(), "[a] abc");
    a.write("def");
    EXPECT_EQ(screen.more(), "def");
    b.write("z\n");
    EXPECT_EQ(screen.more(), "\r\n[b] xyz\r\n[a] abcdef");
    a.write("\n");
    EXPECT_EQ(screen.more(), "\r\n");
}

TEST_F(Console, WhoWaitsGoesOnWhenTheLineEnds) {
    a.write("abc");
    b.write("xy");
    a.write("\n");
    EXPECT_EQ(screen.text, "[a] abc\r\n[b] xy");
    b.write("z\n");
    EXPECT_EQ(screen.text, "[a] abc\r\n[b] xyz\r\n");
}

TEST_F(Console, AQuietLineGivesUpTheCursor) {
    a.write("login: ");
    b.write("pass");
    EXPECT_EQ(screen.more(), "[a] login: ");
    now += 19;
    console.poll();
    EXPECT_EQ(screen.more(), "");
    now += 1;
    console.poll();
    EXPECT_EQ(screen.more(), "\r\n[b] pass");
    now += 100;
    console.poll();
    EXPECT_EQ(screen.more(), ""); // the two do not take turns for ever
    b.write("word\n");
    EXPECT_EQ(screen.more(), "word\r\n");
    a.write("root");
    EXPECT_EQ(screen.more(), "[a] root");
}

TEST_F(Console, ACarriageReturnBeginsTheLineAgain) {
    a.write("10%\r20%\r\r30%\r\n");
    EXPECT_EQ(screen.text, "[a] 10%\r[a] 20%\r[a] 30%\r\n");
}

TEST_F(Console, LongLinesStayWhole) {
    const std::string line(3000, 'j');
    a.write(line + "\n");
    EXPECT_EQ(screen.more(), "[a] " + line + "\r\n");
    // One that waits takes the cursor when it is too long to wait.
    b.write("prompt> ");
    a.write(line + "\n");
    EXPECT_EQ(screen.more(), "[b] prompt> \r\n[a] " + line + "\r\n[b] prompt> ");
}

TEST_F(Console, AnEmptyNameGivesBareLines) {
    hyp::ConsoleSpeaker bare;
    ASSERT_TRUE(bare.attach(console, ""));
    bare.write("{}\n");
    EXPECT_EQ(screen.text, "{}\r\n");
}

TEST_F(Console, HasRoomForNine) {
    std::vector<std::unique_ptr<hyp::ConsoleSpeaker>> more;
    for (unsigned i = 0; i < 7; ++i) {
        more.push_back(std::make_unique<hyp::ConsoleSpeaker>());
        EXPECT_TRUE(more.back()->attach(console, std::string(100, 'n')));
    }
    hyp::ConsoleSpeaker tenth;
    EXPECT_FALSE(tenth.attach(console, "tenth"));
    tenth.write("nothing\n");
    EXPECT_EQ(screen.text, "");
    more[0]->write("x\n");
    EXPECT_EQ(screen.text, "[" + std::string(30, 'n') + "] x\r\n");
}

TEST_F(Console, DropsWhatComesBeforeItHasAnOutput) {
    hyp::Console silent;
    hyp::ConsoleSpeaker speaker;
    speaker.write("x\n");
    ASSERT_TRUE(speaker.attach(silent, "s"));
    speaker.write("x\n");
    silent.write_unlocked("x");
    silent.poll();
}

TEST_F(Console, LinesOfManyCpusDoNotTear) {
    constexpr unsigned lines = 300;
    const auto talk = [](hyp::ConsoleSpeaker& speaker, char letter) {
        for (unsigned i = 0; i < lines; ++i) {
            for (unsigned j = 0; j < 10; ++j)
                speaker.put(letter);
            speaker.put('\r');
            speaker.put('\n');
        }
    };
    now = 0; // the clock stands still, so nobody becomes quiet
    std::thread first{talk, std::ref(a), 'a'};
    std::thread second{talk, std::ref(b), 'b'};
    first.join();
    second.join();
    unsigned whole = 0;
    std::size_t at = 0;
    for (std::size_t end = 0; (end = screen.text.find("\r\n", at)) != std::string::npos;
         at = end + 2) {
        const std::string line = screen.text.substr(at, end - at);
        ASSERT_GE(line.size(), 4u);
        const char letter = line[1];
        EXPECT_EQ(line.substr(0, 4), std::string("[") + letter + "] ");
        // A line that was broken off is there again later as a whole.
        EXPECT_EQ(line.find_first_not_of(letter, 4), std::string::npos) << line;
        whole += line.size() == 14 ? 1 : 0;
    }
    EXPECT_GE(whole, 2 * lines);
    EXPECT_EQ(at, screen.text.size());
}

} // namespace

} // namespace twofold::test
