// SPDX-License-Identifier: MIT
// `twofold kvm --openmetrics`: what Prometheus and node_exporter would read.
#include "program.hpp"
#include "sample_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace twofold::tool {
namespace {

constexpr std::string_view one_block =
    "---[ Guest IPA ]---\n"
    "0x0000000000000000-0x0000000040000000           1G 1   R W PXNUXN AF BLK\n";

// Reads NAME{LABEL="VALUE",...} NUMBER; empty if it is anything else.
class SampleLine {
public:
    explicit SampleLine(std::string_view text) : rest_{text} {}

    std::optional<std::string> name() {
        const std::string name = word();
        if (name.empty() || !skip('{')) {
            return std::nullopt;
        }
        while (!skip('}')) {
            if (word().empty() || !skip('=') || !value() ||
                (!skip(',') && !rest_.starts_with('}'))) {
                return std::nullopt;
            }
        }
        const bool number =
            skip(' ') && !rest_.empty() &&
            rest_.find_first_not_of("0123456789.", rest_.front() == '-' ? 1 : 0) == rest_.npos;
        return number ? std::optional{name} : std::nullopt;
    }

private:
    bool skip(char c) {
        const bool found = rest_.starts_with(c);
        rest_.remove_prefix(found ? 1 : 0);
        return found;
    }
    std::string word() {
        const std::size_t end = std::min(
            rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), rest_.size());
        std::string word{rest_.substr(0, end)};
        rest_.remove_prefix(end);
        return word;
    }
    bool value() {
        if (!skip('"')) {
            return false;
        }
        while (!rest_.empty() && !rest_.starts_with('"')) {
            if (skip('\\') && rest_.find_first_of("\\\"n") != 0) {
                return false;
            }
            rest_.remove_prefix(1);
        }
        return skip('"');
    }

    std::string_view rest_;
};

// Each family once, with its lines together, no line twice, and the end marked.
void check_metrics(const std::string& text) {
    ASSERT_TRUE(text.ends_with("\n# EOF\n"));
    std::set<std::string> families;
    std::set<std::string> seen;
    std::string family;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line) && line != "# EOF";) {
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            EXPECT_TRUE(families.insert(family).second) << line;
        } else if (line.starts_with("# TYPE ")) {
            EXPECT_EQ(line, "# TYPE " + family + " gauge");
        } else {
            EXPECT_EQ(SampleLine{line}.name(), family) << line;
            EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
        }
    }
    EXPECT_TRUE(lines && lines.peek() == std::char_traits<char>::eof());
}

TEST(OpenMetrics, OfTheSamples) {
    const ProgramResult result =
        run_program("kvm --openmetrics " + std::string{TWOFOLD_TEST_DATA} + "/kvm");
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output, sample("kvm_expected.prom"));
}

TEST(OpenMetrics, AreWellFormed) {
    check_metrics(sample("kvm_expected.prom"));
    const SampleFolder folder;
    folder.add("a\"b\\c\nd.txt", one_block);
    const ProgramResult result = run_program("kvm --openmetrics " + folder.path());
    check_metrics(result.output);
    EXPECT_NE(result.output.find(R"(vm="a\"b\\c?d.txt")"), std::string::npos) << result.output;
}

TEST(OpenMetrics, ReplaceAFile) {
    const SampleFolder folder;
    folder.add("46-12/stage2_page_tables", one_block);
    folder.add("46-12/exits", "22\n");
    const SampleFolder out;
    const std::string file = out.add("twofold.prom", "old");
    const ProgramResult result = run_program("kvm --openmetrics -o " + file + " " + folder.path());
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(result.output, "");
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    check_metrics(text.str());
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{out.path()}, {}), 1);
    // A host without VMs has no figures, and its file says so.
    const SampleFolder empty;
    EXPECT_EQ(run_program("kvm --openmetrics " + empty.path()).output, "# EOF\n");
    EXPECT_EQ(run_program("kvm --openmetrics -o " + out.path() + "/none/x " + folder.path()).status,
              1);
}

// The same folder twice: no two samples may have the same labels.
TEST(OpenMetrics, NamesDiffer) {
    const SampleFolder folder;
    folder.add("46-12/stage2_page_tables", one_block);
    check_metrics(run_program("kvm --openmetrics " + folder.path() + " " + folder.path()).output);
}

} // namespace
} // namespace twofold::tool
