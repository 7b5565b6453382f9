// SPDX-License-Identifier: MIT
// What is read from a machine's console, and the judgement of a run.
#include "tools/run/console.hpp"
#include "tools/run/outcome.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

TEST(Console, FindsTheHypervisorsWords) {
    Console console;
    console.take("[twofold] 2 CPU(s)\r\n[linux] hello\r\n[twof");
    console.take("old] guest linux stopped: too many aborts\r\n[linux] [twofold] not me\r\n");
    EXPECT_EQ(console.reason(), "guest linux stopped: too many aborts");
    EXPECT_EQ(console.last_line(), "[linux] [twofold] not me");
}

TEST(Console, APanicSaysMost) {
    Console console;
    console.take(
        "\r\ntwofold: stopped: an index was out of range\r\n[twofold] later\r\nno newline");
    EXPECT_EQ(console.reason(), "an index was out of range");
    EXPECT_EQ(console.last_line(), "[twofold] later");
    EXPECT_TRUE(console.is_mid_line());
    console.finish();
    EXPECT_EQ(console.last_line(), "no newline");
    EXPECT_FALSE(console.is_mid_line());
}

TEST(Console, IsBounded) {
    Console console;
    console.take(std::string(1'000'000, 'x') + '\n');
    EXPECT_EQ(console.last_line(), std::string(Console::longest_line, 'x'));
    for (unsigned i = 0; i < 100; ++i) {
        console.take(std::to_string(i) + "\n\n");
    }
    ASSERT_EQ(console.last_lines().size(), Console::kept_lines);
    EXPECT_EQ(console.last_lines().front(), "85");
    EXPECT_EQ(console.last_lines().back(), "99");
}

SessionResult session(std::string_view console, std::string_view errors, int status) {
    SessionResult result{
        .end = SessionEnd::exited, .status = status, .seconds = 1, .console = {}, .errors = {}};
    result.console.take(console);
    result.errors.take(errors);
    return result;
}

using Reported = Result<Report>;

Reported ended(std::string state, std::string reason = "") {
    Report report;
    report.guest = Report::Guest{};
    report.guest->state = std::move(state);
    report.guest->reason = std::move(reason);
    return report;
}

const Reported no_report{Failure{"the hypervisor sent no report"}};

TEST(Outcome, PoweredOffIsSuccess) {
    EXPECT_EQ(why_failed(session("", "", 0), ended("powered off"), 300), "");
    EXPECT_EQ(why_failed(session("", "", 0), Report{}, 300), "");
}

TEST(Outcome, FailureHasTheMostTellingReason) {
    EXPECT_EQ(why_failed(session("twofold: stopped: no GICv3\n", "x\n", 1), no_report, 300),
              "QEMU ended with status 1: no GICv3");
    EXPECT_EQ(why_failed(session("", "qemu: no such machine\n", 1), no_report, 300),
              "QEMU ended with status 1: qemu: no such machine");
    EXPECT_EQ(why_failed(session("", "", 3), ended("powered off"), 300),
              "QEMU ended with status 3: nothing was said");
    EXPECT_EQ(why_failed(session("[twofold] bye\n", "", 0), no_report, 300),
              "the hypervisor sent no report (the hypervisor's last words: bye)");
    EXPECT_EQ(why_failed(session("[twofold] bye\n", "", 0), ended("stopped", "a hole"), 300),
              "the guest ended as \"stopped\": a hole");
    EXPECT_EQ(why_failed(session("[twofold] bye\n", "", 0), ended("stopped"), 300),
              "the guest ended as \"stopped\": bye");
}

TEST(Outcome, WhatWeStoppedIsSaid) {
    SessionResult result = session("[twofold] hello\n", "", 0);
    result.end = SessionEnd::timed_out;
    EXPECT_EQ(why_failed(result, no_report, 7), "the guest did not end within 7 s");
    result.end = SessionEnd::interrupted;
    EXPECT_EQ(why_failed(result, no_report, 7), "interrupted");
    result.end = SessionEnd::killed;
    result.status = 11;
    EXPECT_EQ(why_failed(result, no_report, 7), "QEMU was ended by signal 11");
}

} // namespace
} // namespace twofold::tool
