// SPDX-License-Identifier: MIT
// The hypervisor's command line.
#include "boot/configuration.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twofold::hyp {
namespace {

std::string offending_word(std::string_view line) {
    const auto parsed = Configuration::parse(line);
    return parsed ? "" : std::string{parsed.error()};
}

TEST(Configuration, HasDefaults) {
    const auto c = Configuration::parse("");
    ASSERT_TRUE(c);
    EXPECT_EQ(c->name, "linux");
    EXPECT_EQ(c->memory, 0x4000'0000U);
    EXPECT_EQ(c->base.value, 0x4000'0000U);
    EXPECT_EQ(c->cpus, 0U);
    EXPECT_EQ(c->extent, 0x4000'0000U);
    EXPECT_EQ(c->around, 0x1'0000U);
    EXPECT_EQ(c->ipa_bits, 40U);
    EXPECT_EQ(c->granule, Granule::k4);
    EXPECT_FALSE(c->lpa2);
    EXPECT_EQ(c->prefer, Prefer::fewest_levels);
    EXPECT_EQ(c->report, ReportTarget::console);
    EXPECT_STREQ(c->trace_path.data(), "");
    EXPECT_EQ(c->trace_limit, 1048576U);
}

TEST(Configuration, TakesEveryWord) {
    const auto c = Configuration::parse(
        "guest.name=a guest.memory=512M  guest.base=2G guest.cpus=3 guest.extent=64K guest.ipa=48 "
        "guest.around=2M guest.granule=16K guest.lpa2=on guest.levels=most "
        "report=semihosting:/out/report.json trace=semihosting:/out/trace.bin trace.limit=2K ");
    ASSERT_TRUE(c);
    EXPECT_EQ(c->name, "a");
    EXPECT_EQ(c->memory, 0x2000'0000U);
    EXPECT_EQ(c->base.value, 0x8000'0000U);
    EXPECT_EQ(c->cpus, 3U);
    EXPECT_EQ(c->extent, 0x1'0000U);
    EXPECT_EQ(c->around, 0x20'0000U);
    EXPECT_EQ(c->ipa_bits, 48U);
    EXPECT_EQ(c->granule, Granule::k16);
    EXPECT_TRUE(c->lpa2);
    EXPECT_EQ(c->prefer, Prefer::fewest_root_pages);
    EXPECT_EQ(c->report, ReportTarget::semihosting);
    EXPECT_STREQ(c->report_path.data(), "/out/report.json");
    EXPECT_STREQ(c->trace_path.data(), "/out/trace.bin");
    EXPECT_EQ(c->trace_limit, 2048U);
}

// The last of a word counts, so that each of these is seen to be set.
TEST(Configuration, TakesEveryValueOfAWord) {
    const auto parsed = [](const char* line) { return Configuration::parse(line).value(); };
    EXPECT_EQ(parsed("guest.granule=64K").granule, Granule::k64);
    EXPECT_EQ(parsed("guest.granule=64K guest.granule=4K").granule, Granule::k4);
    EXPECT_FALSE(parsed("guest.lpa2=on guest.lpa2=off").lpa2);
    EXPECT_EQ(parsed("guest.levels=most guest.levels=fewest").prefer, Prefer::fewest_levels);
    EXPECT_EQ(parsed("report=none").report, ReportTarget::none);
    EXPECT_STREQ(parsed("trace=semihosting:/long trace=semihosting:/a").trace_path.data(), "/a");
    EXPECT_STREQ(parsed("trace=semihosting:/a trace=none").trace_path.data(), "");
    EXPECT_EQ(parsed("report=none report=console").report, ReportTarget::console);
}

TEST(Configuration, NamesTheWordThatIsWrong) {
    for (const char* word : {"guest.memory=0",
                             "guest.memory=1M",
                             "guest.memory=3x",
                             "guest.memory=",
                             "guest.memory",
                             "guest.base=3M",
                             "guest.cpus=0",
                             "guest.cpus=9",
                             "guest.extent=3M",
                             "guest.extent=2G",
                             "guest.extent=1K",
                             "guest.around=2K",
                             "guest.around=12K",
                             "guest.around=4M",
                             "guest.ipa=53",
                             "guest.granule=8K",
                             "guest.lpa2=yes",
                             "guest.levels=few",
                             "report=file",
                             "report=semihosting:",
                             "guest.name=",
                             "nonsense=1",
                             "guest.memory=99999999999999999999999",
                             "guest.memory=18014398509481984K"})
        EXPECT_EQ(offending_word(std::string{"guest.ipa=40 "} + word + " guest.cpus=1"), word);
}

TEST(Configuration, RefusesAPathThatDoesNotFit) {
    const std::string prefix = "report=semihosting:";
    EXPECT_EQ(offending_word(prefix + std::string(255, 'p')), "");
    EXPECT_EQ(offending_word(prefix + std::string(256, 'p')), prefix + std::string(256, 'p'));
}

} // namespace
} // namespace twofold::hyp
