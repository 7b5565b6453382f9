// SPDX-License-Identifier: MIT
// The program's exit statuses and its errors: one line, on stderr, that says what was expected.
#include "program.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace twofold::tool {
namespace {

void expect_error(const std::string& arguments, int status, std::string_view error) {
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.status, status) << arguments;
    EXPECT_EQ(result.output, "") << arguments;
    EXPECT_EQ(result.errors, "twofold: " + std::string{error} + "\n") << arguments;
}

TEST(CommandLine, BadInputIsTwo) {
    expect_error("", 2, "A subcommand is required");
    expect_error("layout --granule 8K", 2, "--granule: expected 4K, 16K or 64K, not \"8K\"");
    expect_error("layout --ipa forty", 2, "--ipa: expected 1 to 64, not \"forty\"");
    expect_error("layout --ipa 0", 2, "--ipa: expected 1 to 64, not \"0\"");
    expect_error("layout --ipa 0x100000000000000028", 2,
                 "--ipa: expected 1 to 64, not \"0x100000000000000028\"");
    expect_error("layout --prefer speed", 2, "--prefer: expected levels or root, not \"speed\"");
    expect_error("layout --initial-level 4", 2, "--initial-level: expected -1 to 3, not \"4\"");
    expect_error("layout --cpu 486", 2,
                 "--cpu: expected one of everything, max, neoverse-n1, cortex-a76, cortex-a72, "
                 "cortex-a57, cortex-a53, not \"486\"");
    expect_error("layout --ipa", 2, "--ipa: 1 required X missing");
    expect_error("layout --colour", 2, "The following argument was not expected: --colour");
    expect_error("layout --memory none", 2, "--memory: expected a size, not \"none\"");
    expect_error("layout extra", 2, "The following argument was not expected: extra");
}

TEST(CommandLine, AnImpossibleLayoutIsOne) {
    expect_error("layout --cpu cortex-a53 --granule 16K", 1,
                 "granule: the CPU has no stage 2 with this granule (ID_AA64MMFR0_EL1.TGranX_2)");
    expect_error("layout --ipa 34 --initial-level 0", 1,
                 "initial_level: the input size would need fewer than 2 entries or more than 16 "
                 "concatenated tables there (AArch64.S2InconsistentSL)");
    expect_error("layout --ipa 36 --memory 65G", 1, "memory: 65 GiB do not fit a 36-bit IPA");
    expect_error("layout --all --cpu cortex-a53 --ipa 41", 1,
                 "ipa_bits: above the largest input size (PARange, or 48 without LPA2 or the 64K "
                 "granule)");
}

TEST(CommandLine, HelpIsAnAnswer) {
    for (const char* const arguments :
         {"--help", "attach --help", "check --help", "completion --help", "decode --help",
          "decode desc --help", "explain --help", "kvm --help", "layout --help", "manual --help",
          "map --help", "report --help", "run --help", "walk --help"}) {
        const ProgramResult result = run_program(arguments);
        EXPECT_EQ(result.status, 0) << arguments;
        EXPECT_NE(result.output.find("Usage: twofold"), std::string::npos) << result.output;
        EXPECT_EQ(result.errors, "");
    }
    EXPECT_NE(run_program("layout --help").output.find("Example: "), std::string::npos);
}

TEST(CommandLine, LayoutTakesARegister) {
    // PARange 2 (40 bits), no 16K granule, as an A53.
    const ProgramResult result = run_program("layout --mmfr0 0x1122 --json");
    ASSERT_EQ(result.status, 0) << result.errors;
    const auto json = nlohmann::json::parse(result.output);
    EXPECT_EQ(json.at("pa_bits"), 40);
    EXPECT_EQ(json.at("cpu"), "everything with ID_AA64MMFR0_EL1 = 0x1122");
}

TEST(CommandLine, TheLastOfAnOptionCounts) {
    const ProgramResult result = run_program("layout --ipa 40 --json --ipa 34 --json");
    ASSERT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(nlohmann::json::parse(result.output).at("ipa_bits"), 34);
}

TEST(CommandLine, LayoutComparesOneGranuleOrAll) {
    const auto count = [](const ProgramResult& result) {
        return nlohmann::json::parse(result.output).at("layouts").size();
    };
    EXPECT_EQ(count(run_program("layout --all --ipa 40 --cpu neoverse-n1 --json")), 5U);
    EXPECT_EQ(count(run_program("layout --all --ipa 40 --cpu neoverse-n1 --granule 4K --json")),
              2U);
}

TEST(CommandLine, AResultThatCannotBeWrittenIsAFailure) {
    const ProgramResult result = run_program("layout >/dev/full");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: the result could not be written\n");
}

} // namespace
} // namespace twofold::tool
