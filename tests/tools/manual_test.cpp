// SPDX-License-Identifier: MIT
// The man page and the completions: of a small command whose texts are known, and of the program
// itself in a real shell.
#include "program.hpp"
#include "tools/manual/manual_words.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

namespace twofold::tool {
namespace {

// tool cut [--size 4K|2M] [-o FILE] [--json] NAME, and tool show red|green
struct SmallTool {
    SmallTool() {
        app.require_subcommand(1);
        CLI::App& cut = *app.add_subcommand("cut", "Cuts - what's given\\n");
        cut.add_option("--size", size, "4K or 2M: how large")->type_name("X");
        cut.add_option("-o,--output", output, "where it goes")->type_name("FILE");
        cut.add_flag("--json", json, "as JSON");
        cut.add_option("--secret", output, "not for everybody")->group("");
        cut.add_option("name", name, "of whom")->type_name("NAME");
        cut.footer("Example: tool cut a\n         tool cut --json b\nA sentence.");
        CLI::App& show = *app.add_subcommand("show", "Shows");
        show.add_subcommand("red", "Red things");
        show.add_subcommand("green", "Green things")->add_flag("--dark", json, "not light");
        app.add_subcommand("hidden", "Nothing to see")->group("");
    }
    CLI::App app{"A tool for tests.", "tool"};
    std::string size, output, name;
    bool json = false;
};

TEST(Manual, TheTreeHasWhatHelpHas) {
    SmallTool tool;
    const CommandTree tree = CommandTree::of(tool.app);
    ASSERT_EQ(tree.subcommands.size(), 2U);
    const CommandTree& cut = tree.subcommands[0];
    ASSERT_EQ(cut.options.size(), 4U); // with --help
    EXPECT_EQ(cut.options[1].names, std::vector<std::string>{"--size"});
    EXPECT_EQ(cut.options[1].choices, (std::vector<std::string>{"4K", "2M"}));
    EXPECT_FALSE(cut.options[1].file);
    EXPECT_EQ(cut.options[2].names, (std::vector<std::string>{"-o", "--output"}));
    EXPECT_TRUE(cut.options[2].file);
    EXPECT_TRUE(cut.options[3].value.empty());
    ASSERT_EQ(cut.positionals.size(), 1U);
    EXPECT_EQ(cut.positionals[0].value, "name NAME");
    ASSERT_EQ(tree.subcommands[1].subcommands.size(), 2U);
    EXPECT_EQ(tree.subcommands[1].subcommands[1].name, "green");
}

TEST(Manual, NothingInThePageIsARequestThatShouldBeText) {
    SmallTool tool;
    const std::string page = man_page(CommandTree::of(tool.app));
    EXPECT_TRUE(page.starts_with(".TH tool 1\n")) << page;
    for (const char* const part :
         {".SS tool cut\n\\fBtool cut\\fR [\\fIoptions\\fR] \\fIname NAME\\fR\n",
          "Cuts \\- what's given\\en\n", ".TP\n\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fIFILE\\fR\n",
          ".PP\n.nf\n    tool cut a\n    tool cut \\-\\-json b\n.fi\n.PP\nA sentence.\n",
          ".SS tool show\n\\fBtool show\\fR [\\fIoptions\\fR] \\fBred\\fR|\\fBgreen\\fR\n",
          ".SS tool show green\n", ".SH EXIT STATUS\n"}) {
        EXPECT_NE(page.find(part), std::string::npos) << part << "\nis not in\n" << page;
    }
    EXPECT_EQ(page.find("secret"), std::string::npos);
    EXPECT_EQ(page.find("hidden"), std::string::npos);
    // A line that begins with a dot or a quote is one of ours.
    for (std::size_t at = 0; at < page.size(); at = page.find('\n', at) + 1) {
        if (page[at] == '.') {
            const std::string request = page.substr(at + 1, page.find_first_of(" \n", at) - at - 1);
            EXPECT_TRUE(request == "TH" || request == "SH" || request == "SS" || request == "TP" ||
                        request == "PP" || request == "nf" || request == "fi" || request == "B" ||
                        request == "br")
                << request;
        }
        EXPECT_NE(page[at], '\'');
    }
}

// What bash offers for a line whose last word is not finished.
std::string offered(const std::string& words) {
    const ProgramResult result = run_program(
        "completion bash | bash -c 'eval \"$(cat)\"; COMP_WORDS=(" + words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _twofold; echo \"${COMPREPLY[*]}\"'");
    EXPECT_EQ(result.status, 0) << result.errors;
    return result.output;
}

TEST(Manual, BashCompletesWordsOptionsAndValues) {
    EXPECT_EQ(offered("twofold lay"), "layout\n");
    EXPECT_EQ(offered("twofold layout --gran"), "--granule\n");
    EXPECT_EQ(offered("twofold layout --granule 1"), "16K\n");
    EXPECT_EQ(offered("twofold layout --granule 4K --cpu cortex-a7"), "cortex-a76 cortex-a72\n");
    EXPECT_EQ(offered("twofold decode vt"), "vtcr vttbr\n");
    EXPECT_EQ(offered("twofold decode desc --lev"), "--level\n");
    EXPECT_EQ(offered("twofold decode vtcr --lev"), "\n");
    // A file, where nothing else can stand.
    EXPECT_EQ(offered("twofold check /etc/os-relea"), "/etc/os-release\n");
    EXPECT_EQ(offered("twofold nonsense lay"), "layout\n");
}

TEST(Manual, FishKnowsTheSame) {
    SmallTool tool;
    const std::string script = fish_completion(CommandTree::of(tool.app));
    for (const char* const part :
         {"complete -c tool -n 'not __fish_seen_subcommand_from cut show' -f -a cut -d "
          "'Cuts - what\\'s given\\n'\n",
          "complete -c tool -n '__fish_seen_subcommand_from cut' -l size -x -a '4K 2M' -d "
          "'how large'\n",
          "complete -c tool -n '__fish_seen_subcommand_from cut' -s o -l output -r -d "
          "'where it goes'\n",
          "complete -c tool -n '__fish_seen_subcommand_from show; and not "
          "__fish_seen_subcommand_from red green' -f -a red -d 'Red things'\n",
          "complete -c tool -n '__fish_seen_subcommand_from show; and "
          "__fish_seen_subcommand_from green' -l dark -d 'not light'\n"}) {
        EXPECT_NE(script.find(part), std::string::npos) << part << "\nis not in\n" << script;
    }
}

TEST(Manual, OtherShellsAreNotKnown) {
    const ProgramResult result = run_program("completion tcsh");
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.errors, "twofold: shell: expected bash, zsh or fish, not \"tcsh\"\n");
}

} // namespace
} // namespace twofold::tool
