// SPDX-License-Identifier: MIT
// Commands of the monitor as they are written, the keys with which they are typed, and the words
// that come back.
#include "monitor/command.hpp"
#include "monitor/line_editor.hpp"
#include "monitor/words.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace twofold::hyp {
namespace {

Command parsed(std::string_view line) {
    const auto command = Command::parse(line);
    EXPECT_TRUE(command) << line << ": " << (command ? "" : command.error());
    return command.value_or(Command{});
}

TEST(MonitorCommand, TakesEveryVerb) {
    EXPECT_EQ(parsed("help").verb, Verb::help);
    EXPECT_EQ(parsed("slots").verb, Verb::slots);
    EXPECT_EQ(parsed("log on").verb, Verb::log_on);
    EXPECT_EQ(parsed("log off").verb, Verb::log_off);
    EXPECT_EQ(parsed("sizes").verb, Verb::sizes);
    EXPECT_EQ(parsed("faults").verb, Verb::faults);
    EXPECT_EQ(parsed("commands").verb, Verb::commands);
    EXPECT_EQ(parsed("harvest").verb, Verb::harvest);
    EXPECT_EQ(parsed("split").verb, Verb::split);
    EXPECT_EQ(parsed("collapse").verb, Verb::collapse);
    EXPECT_EQ(parsed("age").verb, Verb::age);
    EXPECT_EQ(parsed("drop").verb, Verb::drop);
    EXPECT_EQ(parsed("map"), (Command{.verb = Verb::map, .number = {}, .text = {}}));
    EXPECT_EQ(parsed("map 0x40000000"),
              (Command{.verb = Verb::map, .number = 0x4000'0000, .text = {}}));
    EXPECT_EQ(parsed("reasons 1G"),
              (Command{.verb = Verb::reasons, .number = 1 << 30, .text = {}}));
    EXPECT_EQ(parsed("balloon 100"), (Command{.verb = Verb::balloon, .number = 100, .text = {}}));
    EXPECT_EQ(parsed("migrate 16"), (Command{.verb = Verb::migrate, .number = 16, .text = {}}));
    EXPECT_EQ(parsed("migrate at 0x1000"),
              (Command{.verb = Verb::migrate_at, .number = 0x1000, .text = {}}));
    EXPECT_EQ(parsed("echo  hello there "),
              (Command{.verb = Verb::echo, .number = {}, .text = "hello there"}));
    EXPECT_EQ(parsed("echo").text, "");
    EXPECT_EQ(parsed("guest vm2"), (Command{.verb = Verb::guest, .number = {}, .text = "vm2"}));
    EXPECT_EQ(parsed("guest").text, "");
}

TEST(MonitorCommand, TakesACommaForABlank) {
    EXPECT_EQ(parsed(",log,,on,").verb, Verb::log_on);
    EXPECT_EQ(parsed("\tmigrate,at 0x2000").number, 0x2000U);
}

TEST(MonitorCommand, SaysWhatIsWrong) {
    const auto error_of = [](std::string_view line) {
        const auto command = Command::parse(line);
        return command ? std::string{"none"} : std::string{command.error()};
    };
    EXPECT_EQ(error_of(""), "unknown command; help lists them");
    EXPECT_EQ(error_of("harvests"), "unknown command; help lists them");
    EXPECT_EQ(error_of("Help"), "unknown command; help lists them");
    EXPECT_EQ(error_of("log"), "log on, or log off?");
    EXPECT_EQ(error_of("log maybe"), "log on, or log off?");
    EXPECT_EQ(error_of("harvest now"), "there are too many words");
    EXPECT_EQ(error_of("map 1 2"), "there are too many words");
    EXPECT_EQ(error_of("reasons"), "a number is missing");
    EXPECT_EQ(error_of("migrate"), "a number is missing");
    EXPECT_EQ(error_of("migrate at"), "a number is missing");
    EXPECT_EQ(error_of("balloon few"), "that is no number: 16, 0x10, 2M");
}

TEST(MonitorCommand, ListsEveryVerbOnce) {
    std::set<Verb> verbs;
    for (const CommandForm& form : command_forms()) {
        EXPECT_TRUE(verbs.insert(form.verb).second) << form.first;
        EXPECT_FALSE(form.meaning.empty());
    }
    EXPECT_EQ(verbs.size(), static_cast<std::size_t>(Verb::guest) + 1);
}

struct Echo final : CharacterOutput {
    void put(char character) override { text += character; }
    std::string text;
};

bool type(LineEditor& editor, std::string_view keys, CharacterOutput& echo) {
    bool complete = false;
    for (const char key : keys)
        complete = editor.type(key, echo);
    return complete;
}

TEST(LineEditor, CollectsALine) {
    LineEditor editor;
    Echo echo;
    EXPECT_FALSE(type(editor, "harvest", echo));
    EXPECT_TRUE(editor.type('\r', echo));
    EXPECT_EQ(editor.line(), "harvest");
    EXPECT_EQ(echo.text, "harvest\n");
    editor.clear();
    EXPECT_TRUE(type(editor, "\n", echo));
    EXPECT_EQ(editor.line(), "");
}

TEST(LineEditor, TakesKeysBack) {
    LineEditor editor;
    Echo echo;
    type(editor, "\bmap\x7f\bx\x01\x1b", echo);
    EXPECT_EQ(editor.line(), "mx");
    EXPECT_EQ(echo.text, "map\b \b\b \bx");
    type(editor, "\x15", echo);
    EXPECT_EQ(editor.line(), "");
    EXPECT_EQ(echo.text, "map\b \b\b \bx\b \b\b \b");
}

TEST(LineEditor, IsFullAtItsLongest) {
    LineEditor editor;
    Echo echo;
    type(editor, std::string(LineEditor::longest + 5, 'a'), echo);
    EXPECT_EQ(editor.line(), std::string(LineEditor::longest, 'a'));
    EXPECT_EQ(echo.text.size(), LineEditor::longest);
}

TEST(MonitorWords, NameSizesInTheLargestWholeUnit) {
    EXPECT_EQ(size_words(0).text(), "0 B");
    EXPECT_EQ(size_words(1023).text(), "1023 B");
    EXPECT_EQ(size_words(4096).text(), "4 KiB");
    EXPECT_EQ(size_words(2 * MiB).text(), "2 MiB");
    EXPECT_EQ(size_words(3 * MiB + 4 * KiB).text(), "3076 KiB");
    EXPECT_EQ(size_words(512 * GiB).text(), "512 GiB");
    EXPECT_EQ(size_words(2048 * TiB).text(), "2048 TiB");
}

TEST(MonitorWords, NameAmountsInTheLargestUnit) {
    EXPECT_EQ(amount_words(0).text(), "0 B");
    EXPECT_EQ(amount_words(1023).text(), "1023 B");
    EXPECT_EQ(amount_words(4 * KiB).text(), "4 KiB");
    EXPECT_EQ(amount_words(178560 * KiB).text(), "174.3 MiB");
    EXPECT_EQ(amount_words(GiB - 1).text(), "1023.9 MiB");
    EXPECT_EQ(amount_words(3 * GiB).text(), "3 GiB");
    EXPECT_EQ(amount_words(5000 * TiB).text(), "5000 TiB");
}

TEST(MonitorWords, CountThings) {
    EXPECT_EQ(counted(0, "page").text(), "0 pages");
    EXPECT_EQ(counted(1, "page").text(), "1 page");
    EXPECT_EQ(counted(2, "block").text(), "2 blocks");
}

TEST(MonitorWords, DescribeAttributes) {
    EXPECT_EQ(attribute_words({.permissions = Permissions::rwx()}).text(), "rwx Normal-WB");
    EXPECT_EQ(attribute_words({.permissions = Permissions::r(), .access_flag = false}).text(),
              "r-- Normal-WB, old");
    EXPECT_EQ(
        attribute_words({.permissions = {.read = true, .execute_el0 = true}, .dbm = true}).text(),
        "r-x(EL0) Normal-WB, hardware dirty state");
}

TEST(MonitorWords, NameTheRuleAndTheValuesThatDisagree) {
    const auto words = [](LimitedBy reason, std::uint64_t wanted, std::uint64_t allowed) {
        return std::string{limit_words({1 * GiB, reason, wanted, allowed}).text()};
    };
    EXPECT_EQ(words(LimitedBy::nothing, 0, 0), "possible");
    EXPECT_EQ(words(LimitedBy::geometry, GiB, 2 * MiB),
              "geometry: the largest leaf of this table has 2 MiB");
    EXPECT_EQ(words(LimitedBy::slot_end, 0x8000'0000, 0x5000'0000),
              "slot: a block would end at 0x80000000, the slot ends at 0x50000000");
    EXPECT_EQ(words(LimitedBy::slot_start, 0x4000'0000, 0x5000'0000),
              "slot: a block would begin at 0x40000000, the slot begins at 0x50000000");
    EXPECT_EQ(words(LimitedBy::misalignment, 0x1000, 0x3000),
              "alignment: offset 0x1000 of the IPA in a block, 0x3000 of the PA");
    EXPECT_EQ(words(LimitedBy::extent_start, 0x4000'0000, 0x4000'1000),
              "extent: a block would begin at 0x40000000, the memory begins at 0x40001000");
    EXPECT_EQ(words(LimitedBy::extent_end, 0x4020'0000, 0x4000'1000),
              "extent: a block would end at 0x40200000, the memory ends at 0x40001000");
    EXPECT_EQ(words(LimitedBy::dirty_logging, 2 * MiB, 4 * KiB),
              "dirty logging: 2 MiB wanted, 4 KiB allowed");
}

} // namespace
} // namespace twofold::hyp
