// SPDX-License-Identifier: MIT
// `twofold report` as a program, and its data within HTML.
#include "program.hpp"
#include "sample_files.hpp"
#include "tools/report/report_page.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace twofold::tool {
namespace {

const std::string dump = std::string{TWOFOLD_TEST_DATA} + "/kvm/2m__01_S2-2m.txt";

std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(ReportPage, DataEndsNoElementAndBeginsNone) {
    EXPECT_EQ(json_in_html(R"({"a": "</script><!--&lt;"})"),
              R"({"a": "\u003c/script\u003e\u003c!--\u0026lt;"})");
}

TEST(ReportPage, DataGoesWhereTheTemplateHasItsMark) {
    ReportData data;
    data.sources.push_back({.name = "<b>\xe2\x80\xa8\x01\xff", .what = "x"});
    constexpr std::string_view pieces[] = {"before @TWOFOLD", "_DATA@ behind"};
    const auto page = report_page(data, pieces);
    ASSERT_TRUE(page);
    EXPECT_EQ(*page, R"(before {"version":1,"sources":[{"name":"\u003cb\u003e\u2028\u0001\ufffd",)"
                     R"("what":"x","facts":[],"notes":[]}],"mapped":[],"faults":[],"reasons":[],)"
                     R"("spaces":[]} behind)");
}

TEST(ReportPage, ABuildWithoutThePageSaysHowToGetIt) {
    const auto page = report_page({}, {});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error(),
              "this build has no page to fill: expected that scripts/web.sh, which needs npm, was "
              "run before the build (--json needs none)");
}

TEST(ReportCommand, WritesOnePageAndNothingElse) {
    const SampleFolder folder;
    const std::string page = folder.path() + "/page.html";
    const ProgramResult result = run_program("report " + dump + " -o " + page);
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.errors, "");
    const std::string text = contents(page);
    EXPECT_TRUE(text.starts_with("<!doctype html>\n"));
    EXPECT_TRUE(text.ends_with("</html>\n"));
    EXPECT_NE(text.find("[2147483648,16777216,null,"), std::string::npos); // 16 MiB at 2 GiB
    EXPECT_EQ(run_program("report " + dump + " -o -").output, text);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator{folder.path()}) {
        ++files;
    }
    EXPECT_EQ(files, 1U);
}

TEST(ReportCommand, JsonIsWhatThePageHas) {
    const ProgramResult result = run_program("report --json " + dump + " - <" + dump);
    EXPECT_EQ(result.status, 0) << result.errors;
    const auto json = nlohmann::json::parse(result.output);
    EXPECT_EQ(json.at("sources").size(), 2U);
    EXPECT_EQ(json.at("sources")[1].at("name"), "standard input");
    EXPECT_EQ(json.at("spaces")[0].at("runs").size(), 25U);
    EXPECT_EQ(json.at("spaces")[0].at("runs"), json.at("spaces")[1].at("runs"));
}

TEST(ReportCommand, ReadsFoldersOfDebugfs) {
    const SampleFolder folder;
    folder.add("17-4/stage2_page_tables", "---[ Guest IPA ]---\n"
                                          "0x0000000000000000-0x0000000040000000           1G 1\n"
                                          "0x0000000040000000-0x0000000080000000           1G 1"
                                          "   R W X AF BLK\n");
    folder.add("17-4/ipa_range", "40\n");
    const ProgramResult result = run_program("report --json " + folder.path());
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(nlohmann::json::parse(result.output).at("spaces")[0].at("name"), "17-4");
}

// The command's own output, as it is.
TEST(ReportCommand, ReadsWhatTheOtherPartsWrite) {
    const SampleFolder folder;
    const std::string slot = run_program("explain --slot ipa=1G,size=1G,pa=1G --json").output;
    const std::string kvm = run_program("kvm " + dump + " --json").output;
    const ProgramResult result =
        run_program("report --json " + folder.add("slot", slot) + " " + folder.add("kvm", kvm));
    EXPECT_EQ(result.status, 0) << result.errors;
    const auto json = nlohmann::json::parse(result.output);
    EXPECT_EQ(json.at("sources")[0].at("what"), "twofold explain");
    EXPECT_EQ(json.at("spaces")[0].at("runs"),
              nlohmann::json::parse("[[1073741824,1073741824,1073741824,0]]"));
    EXPECT_EQ(json.at("sources")[1].at("what"), "twofold kvm");
    EXPECT_EQ(json.at("mapped")[1].at("sizes")[0].at("mapped_bytes"), 90177536); // 86 MiB
}

void expect_failure(const std::string& arguments, int status, const std::string& error) {
    const ProgramResult result = run_program("report " + arguments);
    EXPECT_EQ(result.status, status) << arguments;
    EXPECT_EQ(result.output, "") << arguments;
    EXPECT_EQ(result.errors, "twofold: " + error + "\n") << arguments;
}

TEST(ReportCommand, ErrorsAreOneLine) {
    const SampleFolder folder;
    const std::string poem = folder.add("poem", "a poem\n");
    const std::string broken = folder.add("broken", "{\"vtcr\": ");
    const std::string nothing =
        folder.add("nothing", R"({"tables": [], "traces": [], "notes": []})");
    expect_failure("", 2, "paths is required");
    expect_failure(dump, 2,
                   "expected -o with the file for the page (- is the standard output), or --json");
    expect_failure(dump + " --json --most-runs many", 2,
                   "--most-runs: expected a number, not \"many\"");
    expect_failure("/nowhere/dump -o -", 2, "/nowhere/dump: No such file or directory");
    expect_failure(poem + " -o -", 2,
                   poem + ": expected stage2_page_tables of KVM or a trace with kvm_guest_fault, "
                          "and no line is of either");
    expect_failure(broken + " -o -", 2, broken + ": no JSON at byte 10");
    expect_failure(nothing + " -o -", 1, "there is nothing to show in what was given");
    expect_failure(dump + " -o /nowhere/page.html", 1,
                   "/nowhere/page.html: No such file or directory");
}

TEST(ReportCommand, AnInputIsNotWrittenOver) {
    const SampleFolder folder;
    const std::string text = sample("kvm/2m__01_S2-2m.txt");
    const std::string file = folder.add("dump", text);
    std::filesystem::create_symlink(file, folder.path() + "/link");
    for (const char* const name : {"/dump", "/link", "/./dump"}) {
        expect_failure(file + " -o " + folder.path() + name, 2,
                       "-o: expected another file than " + file + ", which is read");
    }
    EXPECT_EQ(contents(file), text);
}

} // namespace
} // namespace twofold::tool
