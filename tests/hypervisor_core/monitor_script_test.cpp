// SPDX-License-Identifier: MIT
// Scripts of the monitor.
#include "monitor/script.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold::hyp {
namespace {

// Commands by their text or verb, waits as their microseconds; `most` statements.
std::vector<std::string> statements(std::string_view text, std::size_t most = 100) {
    EXPECT_EQ(Script::first_mistake(text), "") << text;
    std::vector<std::string> list;
    Script script{text};
    while (list.size() < most) {
        const auto statement = script.next();
        if (!statement)
            break;
        if (!statement->command)
            list.push_back(std::to_string(statement->microseconds));
        else if (statement->command->verb == Verb::echo)
            list.emplace_back(statement->command->text);
        else
            list.push_back("verb " + std::to_string(static_cast<int>(statement->command->verb)));
    }
    return list;
}

std::string mistake(std::string_view text) { return std::string{Script::first_mistake(text)}; }

using List = std::vector<std::string>;

TEST(MonitorScript, GoesThroughItsStatements) {
    EXPECT_EQ(statements(""), List{});
    EXPECT_EQ(statements(";; ;"), List{});
    EXPECT_EQ(statements("echo a"), List{"a"});
    EXPECT_EQ(statements("echo,a;wait,5us;;echo b c;wait 2s;"), (List{"a", "5", "b c", "2000000"}));
    EXPECT_EQ(statements("harvest"),
              List{"verb " + std::to_string(static_cast<int>(Verb::harvest))});
}

TEST(MonitorScript, Repeats) {
    EXPECT_EQ(statements("repeat 3; echo a; end; echo b"), (List{"a", "a", "a", "b"}));
    EXPECT_EQ(statements("repeat 2;echo a;repeat 2;echo b;end;end;repeat 1;echo c;end"),
              (List{"a", "b", "b", "a", "b", "b", "c"}));
    EXPECT_EQ(statements("repeat 2; repeat 2; echo a; end; end"), (List{"a", "a", "a", "a"}));
}

TEST(MonitorScript, RepeatsForEver) {
    const List list = statements("echo a; repeat; echo b; wait 1ms; end", 1001);
    ASSERT_EQ(list.size(), 1001U);
    EXPECT_EQ(list[0], "a");
    for (std::size_t i = 1; i < list.size(); ++i)
        EXPECT_EQ(list[i], i % 2 == 1 ? "b" : "1000");
}

TEST(MonitorScript, NamesItsFirstMistake) {
    EXPECT_EQ(mistake("echo a;hrvest;lg on"), "hrvest");
    EXPECT_EQ(mistake("echo a;guest vm2"), "guest vm2"); // for the console only
    EXPECT_EQ(mistake("wait"), "wait");
    EXPECT_EQ(mistake("wait 5"), "wait 5");
    EXPECT_EQ(mistake("wait 5ms 6ms"), "wait 5ms 6ms");
    EXPECT_EQ(mistake("repeat 0;echo a;end"), "repeat 0");
    EXPECT_EQ(mistake("repeat x;echo a;end"), "repeat x");
    EXPECT_EQ(mistake("repeat 2 3;echo a;end"), "repeat 2 3");
    EXPECT_EQ(mistake("echo a;end"), "end");
    EXPECT_EQ(mistake("repeat 2;echo a"), "repeat 2");
    EXPECT_EQ(mistake("repeat 2;echo a;end 3"), "end 3");
    EXPECT_EQ(mistake("map x"), "map x");
}

TEST(MonitorScript, DoesNotRepeatNothing) {
    EXPECT_EQ(mistake("repeat;end"), "end");
    EXPECT_EQ(mistake("repeat;repeat 2;end;end"), "end");
    EXPECT_EQ(mistake("repeat;repeat 2;echo a;end;end"), "");
}

TEST(MonitorScript, NestsOnlySoDeep) {
    EXPECT_EQ(statements("repeat 2;repeat 1;repeat 1;repeat 1;echo a;end;end;end;end"),
              (List{"a", "a"}));
    EXPECT_EQ(mistake("repeat 1;repeat 2;repeat 3;repeat 4;repeat 5;echo a;end;end;end;end;end"),
              "repeat 5");
}

} // namespace
} // namespace twofold::hyp
