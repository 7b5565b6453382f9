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
    EXPECT_EQ(c->named_guests, 1U);
    for (const GuestConfiguration& guest : c->guests) {
        EXPECT_EQ(guest.memory, 0x4000'0000U);
        EXPECT_EQ(guest.base.value, 0x4000'0000U);
        EXPECT_EQ(guest.cpus, 0U);
        EXPECT_EQ(guest.extent, 0x4000'0000U);
        EXPECT_EQ(guest.around, 0x1'0000U);
        EXPECT_EQ(guest.ipa_bits, 40U);
        EXPECT_EQ(guest.granule, Granule::k4);
        EXPECT_FALSE(guest.lpa2);
        EXPECT_EQ(guest.prefer, Prefer::fewest_levels);
    }
    EXPECT_EQ(c->guests[0].name, "linux");
    EXPECT_EQ(c->guests[1].name, "guest1");
    EXPECT_EQ(c->guests[2].name, "guest2");
    EXPECT_EQ(c->guests[3].name, "guest3");
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
    const GuestConfiguration& guest = c->guests[0];
    EXPECT_EQ(guest.name, "a");
    EXPECT_EQ(guest.memory, 0x2000'0000U);
    EXPECT_EQ(guest.base.value, 0x8000'0000U);
    EXPECT_EQ(guest.cpus, 3U);
    EXPECT_EQ(guest.extent, 0x1'0000U);
    EXPECT_EQ(guest.ipa_bits, 48U);
    EXPECT_EQ(guest.around, 0x20'0000U);
    EXPECT_EQ(guest.granule, Granule::k16);
    EXPECT_TRUE(guest.lpa2);
    EXPECT_EQ(guest.prefer, Prefer::fewest_root_pages);
    EXPECT_EQ(c->report, ReportTarget::semihosting);
    EXPECT_STREQ(c->report_path.data(), "/out/report.json");
    EXPECT_STREQ(c->trace_path.data(), "/out/trace.bin");
    EXPECT_EQ(c->trace_limit, 2048U);
}

// The last of a word counts, so that each of these is seen to be set.
TEST(Configuration, TakesEveryValueOfAWord) {
    const auto parsed = [](const char* line) { return Configuration::parse(line).value(); };
    EXPECT_EQ(parsed("guest.granule=64K").guests[0].granule, Granule::k64);
    EXPECT_EQ(parsed("guest.granule=64K guest.granule=4K").guests[0].granule, Granule::k4);
    EXPECT_FALSE(parsed("guest.lpa2=on guest.lpa2=off").guests[0].lpa2);
    EXPECT_EQ(parsed("guest.levels=most guest.levels=fewest").guests[0].prefer,
              Prefer::fewest_levels);
    EXPECT_EQ(parsed("report=none").report, ReportTarget::none);
    EXPECT_STREQ(parsed("trace=semihosting:/long trace=semihosting:/a").trace_path.data(), "/a");
    EXPECT_STREQ(parsed("trace=semihosting:/a trace=none").trace_path.data(), "");
    EXPECT_EQ(parsed("report=none report=console").report, ReportTarget::console);
}

TEST(Configuration, EachGuestHasItsOwnWords) {
    const auto c = Configuration::parse("guest2.name=c guest.cpus=1 guest1.memory=64M "
                                        "guest2.granule=64K guest1.ipa=34 guest1.cpus=2");
    ASSERT_TRUE(c);
    EXPECT_EQ(c->named_guests, 3U);
    EXPECT_EQ(c->guests[0].cpus, 1U);
    EXPECT_EQ(c->guests[0].memory, 0x4000'0000U);
    EXPECT_EQ(c->guests[1].name, "guest1");
    EXPECT_EQ(c->guests[1].cpus, 2U);
    EXPECT_EQ(c->guests[1].memory, 0x400'0000U);
    EXPECT_EQ(c->guests[1].ipa_bits, 34U);
    EXPECT_EQ(c->guests[2].name, "c");
    EXPECT_EQ(c->guests[2].granule, Granule::k64);
    EXPECT_EQ(c->guests[2].ipa_bits, 40U);
    EXPECT_EQ(c->guests[3].cpus, 0U);
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
                             "guest0.memory=1G",
                             "guest1.memory=1M",
                             "guest2.nonsense=1",
                             "guest4.memory=1G",
                             "guest1memory=1G",
                             "memory=1G",
                             "trace.limit=0",
                             "guest.trace.limit=1",
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
