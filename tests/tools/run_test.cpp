// SPDX-License-Identifier: MIT
// `twofold run` from outside, with a shell script for QEMU.
#include "program.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <thread>

namespace twofold::tool {
namespace {

constexpr std::string_view good_report =
    R"(echo '{"guest": {"name": "linux", "state": "powered off", "cpus": 2},
              "mappings": [{"level": 1, "size": 1073741824, "count": 1}]}' >"$report")";

constexpr std::string_view three_reports =
    R"(echo '{"guest": {"name": "linux", "state": "powered off", "cpus": 2},
              "others": [{"guest": {"name": "vm2", "state": "powered off", "cpus": 1}},
                         {"guest": {"name": "db", "state": "powered off", "cpus": 1}}]}' >"$report"
)";

std::string with_report(std::string_view script) {
    return std::string{good_report} + "\n" + std::string{script};
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// A process ends a moment after it was asked to.
bool is_gone(const std::string& pid) {
    for (unsigned i = 0; i < 100; ++i) {
        if (kill(std::stoi(pid), 0) != 0) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return false;
}

TEST(Run, ShowsTheConsoleAndTheReport) {
    const FakeMachine machine{with_report("echo '[linux] hello'; echo 'a warning' >&2")};
    const ProgramResult result = machine.run();
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_TRUE(contains(result.output, "[linux] hello\n")) << result.output;
    EXPECT_TRUE(contains(result.output, "guest linux: powered off")) << result.output;
    EXPECT_TRUE(contains(result.output, "  1 GiB      1      1  1 GiB")) << result.output;
    EXPECT_EQ(result.errors, "a warning\n");
}

TEST(Run, QuietShowsOnlyTheReport) {
    const FakeMachine machine{with_report("echo '[linux] hello'")};
    const ProgramResult result = machine.run("--quiet");
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_FALSE(contains(result.output, "hello"));
    EXPECT_TRUE(contains(result.output, "powered off"));
    EXPECT_EQ(result.errors, "");
}

TEST(Run, QuietTellsWhatWasSaidBeforeAFailure) {
    const FakeMachine machine{"echo one; echo '[twofold] guest linux stopped: why'; exit 1"};
    const ProgramResult result = machine.run("--quiet");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "| one\n"
                             "| [twofold] guest linux stopped: why\n"
                             "twofold: QEMU ended with status 1: guest linux stopped: why\n");
}

TEST(Run, JsonHasTheReportAndTheRun) {
    const FakeMachine machine{with_report("")};
    const ProgramResult result =
        machine.run("--cpu cortex-a72 --smp 4 --json " + (machine.folder() / "out.json").string());
    EXPECT_EQ(result.status, 0) << result.errors;
    const auto json = nlohmann::json::parse(machine.file("out.json"));
    EXPECT_EQ(json.at("guest").at("name"), "linux");
    EXPECT_EQ(json.at("run").at("cpu"), "cortex-a72");
    EXPECT_EQ(json.at("run").at("smp"), 4);
    EXPECT_EQ(json.at("run").at("memory_bytes"), 1073741824);
    EXPECT_GT(json.at("run").at("wall_seconds"), 0);
}

// As the hypervisor would write it: a header, one abort for a device, and the end.
constexpr std::string_view good_trace = R"({
    printf '2foldtr1\100\0\0\0\1\0\0\0\100\102\17\0\0\0\0\0'
    head -c 16 /dev/zero
    head -c 58 /dev/zero; printf '\3'; head -c 5 /dev/zero
    head -c 32 /dev/zero; printf '\7'; head -c 31 /dev/zero
} >"$(dirname "$report")/trace.bin")";

TEST(Run, ATraceIsWrittenWhereItIsWanted) {
    const FakeMachine machine{with_report(good_trace)};
    const std::string file = (machine.folder() / "trace.json").string();
    const ProgramResult result = machine.run("--trace " + file);
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_TRUE(contains(result.output, "trace: 1 event in " + file + ": 1 fault, 0 TLBIs"))
        << result.output;
    const auto json = nlohmann::json::parse(machine.file("trace.json"));
    EXPECT_EQ(json.at("traceEvents").at(0).at("args").at("name"), "stage 2 of guest linux");
    EXPECT_EQ(json.at("traceEvents").at(2).at("name"), "read: mmio");
}

TEST(Run, ATraceIsOfAllGuests) {
    const FakeMachine machine{std::string{three_reports} + std::string{good_trace} +
                              "\ncp ${report%/*}/trace.bin ${report%/*}/trace.bin.1"
                              "\ncp ${report%/*}/trace.bin ${report%/*}/trace.bin.2"};
    const std::string file = (machine.folder() / "trace.json").string();
    const ProgramResult result = machine.run("--vm smp=1 --vm name=db,smp=1 --trace " + file);
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_TRUE(contains(result.output, "trace: 3 events in " + file)) << result.output;
    EXPECT_TRUE(contains(machine.file("trace.json"), "stage 2 of guest db"));
    const ProgramResult more = machine.run("--vm smp=1 --vm smp=1 --vm smp=1 --trace " + file);
    EXPECT_EQ(more.errors, "twofold: the hypervisor sent no trace\n");
}

TEST(Run, NoTraceWhereOneIsWantedIsAFailure) {
    const FakeMachine machine{with_report("")};
    const ProgramResult none = machine.run("--trace " + (machine.folder() / "trace.json").string());
    EXPECT_EQ(none.status, 1);
    EXPECT_EQ(none.errors, "twofold: the hypervisor sent no trace\n");
    const FakeMachine traced{with_report(good_trace)};
    const ProgramResult unwritable = traced.run("--trace /nowhere/trace.json");
    EXPECT_EQ(unwritable.status, 1);
    EXPECT_EQ(unwritable.errors, "twofold: cannot write /nowhere/trace.json\n");
}

TEST(Run, JsonThatCannotBeWrittenIsAFailure) {
    const FakeMachine machine{with_report("")};
    const ProgramResult result = machine.run("--json /nowhere/out.json");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: cannot write /nowhere/out.json\n");
}

TEST(Run, WithoutAReportIsAFailure) {
    const ProgramResult result = FakeMachine{"echo '[twofold] bye'"}.run();
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: the hypervisor sent no report (the hypervisor's last words: "
                             "bye)\n");
}

TEST(Run, AGarbledReportIsAFailure) {
    for (const char* const text : {"", "{\"guest\": ", "[1]", "null"}) {
        const ProgramResult result =
            FakeMachine{"echo '" + std::string{text} + "' >\"$report\""}.run();
        EXPECT_EQ(result.status, 1) << text;
        EXPECT_EQ(result.errors, "twofold: the hypervisor's report is not a JSON object "
                                 "(the hypervisor's last words: nothing was said)\n")
            << text;
    }
    const ProgramResult result = FakeMachine{R"(echo '{"guest": 1}' >"$report")"}.run();
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors.find("twofold: the report has another form: "), 0U) << result.errors;
}

TEST(Run, AGuestThatWasStoppedIsAFailure) {
    const FakeMachine machine{
        R"(echo '{"guest": {"name": "x", "state": "stopped", "reason": "a hole"}}' >"$report")"};
    const ProgramResult result = machine.run();
    EXPECT_EQ(result.status, 1);
    EXPECT_TRUE(contains(result.output, "guest x: stopped (a hole)")) << result.output;
    EXPECT_EQ(result.errors, "twofold: the guest ended as \"stopped\": a hole\n");
}

TEST(Run, WhatIsExpectedHasToBeSaid) {
    const FakeMachine machine{with_report("echo '[linux] all is well'")};
    EXPECT_EQ(machine.run("--expect 'is well'").status, 0);
    const ProgramResult result = machine.run("--expect 'is fine'");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: the guest ended without saying \"is fine\"\n");
    EXPECT_EQ(machine.run("--expect 'all is' --expect 'is well'").status, 0);
    EXPECT_EQ(machine.run("--expect 'is well' --expect nothing").errors,
              "twofold: the guest ended without saying \"nothing\"\n");
}

TEST(Run, QemusErrorIsTheReason) {
    const ProgramResult result =
        FakeMachine{"echo 'qemu: -cpu abc: unknown' >&2; exit 1"}.run("--cpu abc");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "qemu: -cpu abc: unknown\n"
                             "twofold: QEMU ended with status 1: qemu: -cpu abc: unknown\n");
}

TEST(Run, ASignalIsSaid) {
    const ProgramResult result = FakeMachine{"kill -SEGV $$"}.run();
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: QEMU was ended by signal 11\n");
}

TEST(Run, TimeoutEndsTheWholeMachine) {
    const FakeMachine machine{"sleep 100 & echo $! >$folder/child; echo $$ >$folder/pid; wait"};
    const auto start = std::chrono::steady_clock::now();
    const ProgramResult result = machine.run("--timeout 1");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{30});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: the guest did not end within 1 s\n");
    EXPECT_TRUE(is_gone(machine.file("pid")));
    EXPECT_TRUE(is_gone(machine.file("child")));
}

TEST(Run, WhatIgnoresTheRequestIsKilled) {
    const FakeMachine machine{"trap '' TERM; echo $$ >$folder/pid\nwhile :; do sleep 1; done"};
    const ProgramResult result = machine.run("--timeout 1");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "twofold: the guest did not end within 1 s\n");
    EXPECT_TRUE(is_gone(machine.file("pid")));
}

TEST(Run, AnInterruptEndsTheMachine) {
    for (const char* const signal : {"INT", "TERM", "HUP"}) {
        const FakeMachine machine{std::string{"echo $$ >$folder/pid; kill -"} + signal +
                                  " $PPID; exec sleep 100"};
        const ProgramResult result = machine.run();
        EXPECT_EQ(result.status, 1);
        EXPECT_EQ(result.errors, "twofold: interrupted\n");
        EXPECT_TRUE(is_gone(machine.file("pid")));
    }
}

TEST(Run, AnOpenLineIsEndedBeforeTheReport) {
    const ProgramResult result = FakeMachine{with_report("printf '[linux] # '")}.run();
    EXPECT_EQ(result.output.find("[linux] # \n\nguest linux"), 0U) << result.output;
}

TEST(Run, AKilledToolTakesTheMachineWithIt) {
    const FakeMachine machine{"echo $$ >$folder/pid; rm -rf \"${report%/*}\"; kill -KILL $PPID\n"
                              "exec sleep 100"};
    machine.run();
    EXPECT_TRUE(is_gone(machine.file("pid")));
}

TEST(Run, WhatIsTypedReachesTheGuest) {
    const FakeMachine machine{with_report("read -r line; echo \"heard $line\"; wc -c")};
    const ProgramResult result =
        run_program("--help >/dev/null; { echo hello; head -c 300000 /dev/zero; } >" +
                    machine.folder().string() + "/typed; " TWOFOLD_PROGRAM " " +
                    machine.arguments() + " <" + machine.folder().string() + "/typed --timeout 3");
    EXPECT_TRUE(contains(result.output, "heard hello\n")) << result.output << result.errors;
    // The console stays open when there is nothing more to type, so that wc waits for ever.
    EXPECT_EQ(result.errors, "twofold: the guest did not end within 3 s\n");
}

TEST(Run, MuchOutputIsPassedOnWhole) {
    const FakeMachine machine{with_report("yes 0123456789abcde | head -n 100000")};
    const ProgramResult result = machine.run();
    EXPECT_EQ(result.status, 0) << result.errors;
    const std::size_t end = result.output.find("\nguest linux");
    EXPECT_EQ(end, 1600000U);
}

TEST(Run, AClosedOutputEndsTheMachine) {
    const FakeMachine machine{"echo $$ >$folder/pid; yes"};
    const std::string status = (machine.folder() / "status").string();
    run_program("--help >/dev/null; { " TWOFOLD_PROGRAM " " + machine.arguments() + "; echo $? >" +
                status + "; } | head -n 1");
    EXPECT_EQ(machine.file("status"), "1\n");
    EXPECT_TRUE(is_gone(machine.file("pid")));
}

TEST(Run, MissingFilesAreBadInput) {
    const FakeMachine machine{"exit 0"};
    const std::string folder = machine.folder().string();
    for (const char* const option : {"--kernel", "--initrd", "--hypervisor"}) {
        const ProgramResult result = machine.run(fmt::format("{} {}/nothing", option, folder));
        EXPECT_EQ(result.status, 2) << option;
        EXPECT_EQ(
            result.errors,
            fmt::format("twofold: {} \"{}/nothing\": No such file or directory\n", option, folder));
    }
    const ProgramResult text = machine.run("--kernel " + folder + "/initrd");
    EXPECT_EQ(text.status, 2);
    EXPECT_EQ(text.errors, "twofold: --kernel \"" + folder +
                               "/initrd\": expected an uncompressed arm64 Image\n");
    const ProgramResult qemu = machine.run("--qemu /nothing/qemu");
    EXPECT_EQ(qemu.status, 2);
    EXPECT_EQ(qemu.errors, "twofold: cannot start /nothing/qemu: No such file or directory\n");
}

TEST(Run, BadValuesAreBadInput) {
    const FakeMachine machine{"exit 0"};
    for (const char* const arguments :
         {"--memory 1000", "--memory 0", "--extent 3K", "--extent 2G", "--fault-around 2K",
          "--fault-around 4M", "--smp 0", "--smp 9", "--timeout 0", "--ipa x", "--granule 1K"}) {
        const ProgramResult result = machine.run(arguments);
        EXPECT_EQ(result.status, 2) << arguments;
        EXPECT_TRUE(contains(result.errors, ": expected ")) << result.errors;
    }
}

TEST(Run, ImpossibleGuestsAreRefusedBeforeTheyStart) {
    const FakeMachine machine{"echo started"};
    const ProgramResult geometry = machine.run("--cpu cortex-a53 --ipa 48");
    EXPECT_EQ(geometry.status, 1);
    EXPECT_TRUE(contains(geometry.errors, "ipa_bits: above the largest input size"));
    EXPECT_EQ(geometry.output, "");
    // Memory begins at 1 GiB, so that 31 bits hold 1 GiB of it.
    const ProgramResult memory = machine.run("--ipa 31 --memory 2G");
    EXPECT_EQ(memory.status, 1);
    EXPECT_EQ(memory.errors, "twofold: 2 GiB of memory from 1 GiB on do not fit a 31-bit IPA\n");
    EXPECT_EQ(machine.run("--ipa 31 --memory 1G --dry-run").status, 0);
}

TEST(Run, FurtherGuestsHaveReportsOfTheirOwn) {
    const FakeMachine machine{three_reports};
    const ProgramResult result =
        machine.run("--vm memory=64M,smp=1 --vm name=db,smp=1,append=a,,b --memory 1G --json " +
                    (machine.folder() / "out.json").string());
    EXPECT_EQ(result.status, 0) << result.errors;
    for (const char* const line :
         {"guest linux: powered off; 2 CPUs", "guest vm2: powered off; 1 CPU",
          "guest db: powered off; 1 CPU"}) {
        EXPECT_TRUE(contains(result.output, line)) << result.output;
    }
    const auto json = nlohmann::json::parse(machine.file("out.json"));
    EXPECT_EQ(json.at("others").at(1).at("guest").at("name"), "db");
    const auto& run = json.at("run");
    EXPECT_EQ(run.at("smp"), 2);
    ASSERT_EQ(run.at("others").size(), 2U);
    EXPECT_EQ(run.at("others").at(0).at("name"), "vm2");
    EXPECT_EQ(run.at("others").at(0).at("memory_bytes"), 67108864);
    EXPECT_EQ(run.at("others").at(0).at("append"), "console=ttyAMA0");
    EXPECT_EQ(run.at("others").at(1).at("name"), "db");
    EXPECT_EQ(run.at("others").at(1).at("memory_bytes"), 1073741824);
    EXPECT_EQ(run.at("others").at(1).at("append"), "a,b");
}

TEST(Run, TheGuestsThatFailedAreNamed) {
    // The last words are about one that did not.
    const ProgramResult one = FakeMachine{R"(echo '[twofold] guest linux powered off'
                       echo '{"guest": {"name": "linux", "state": "powered off"},
                              "others": [{"guest": {"name": "vm2", "state": "stopped",
                                                    "reason": "a hole"}}]}' >"$report"; exit 2)"}
                                  .run("--vm smp=1");
    EXPECT_EQ(one.status, 1);
    EXPECT_EQ(one.errors, "twofold: guest vm2 ended as \"stopped\": a hole\n");
    const ProgramResult both =
        FakeMachine{R"(echo '{"guest": {"name": "linux", "state": "stopped", "reason": "a trap"},
                              "others": [{"guest": {"name": "vm2", "state": "stopped"}}]}' >"$report"
                       exit 2)"}
            .run("--vm smp=1");
    EXPECT_EQ(both.status, 1);
    EXPECT_EQ(both.errors, "twofold: guest linux ended as \"stopped\": a trap; guest vm2 ended as "
                           "\"stopped\": no reason is known\n");
}

TEST(Run, ImpossibleSetsOfGuestsAreBadInput) {
    const FakeMachine machine{"echo started"};
    const auto errors_of = [&](const std::string& arguments) {
        const ProgramResult result = machine.run(arguments);
        EXPECT_EQ(result.status, 2) << arguments;
        EXPECT_EQ(result.output, "");
        return result.errors;
    };
    EXPECT_EQ(errors_of("--smp 1 --vm '' "),
              "twofold: --vm: expected KEY=VALUE,... of name, kernel, "
              "initrd, append, memory, extent, fault-around, ipa, "
              "granule, lpa2, smp, not \"\"\n");
    EXPECT_EQ(errors_of("--smp 1 --vm ipa=36 --vm ipa=36 --vm ipa=36 --vm ipa=36"),
              "twofold: --vm: expected at most 4 guests in all, not 5\n");
    EXPECT_EQ(errors_of("--smp 4 --vm smp=5"),
              "twofold: --smp: expected at most 8 CPUs of all guests together, not 9\n");
    EXPECT_EQ(errors_of("--vm name=linux"),
              "twofold: --vm: name: another guest is called \"linux\"\n");
    EXPECT_EQ(errors_of("--vm smp=1 --vm name=vm2"),
              "twofold: --vm: name: another guest is called \"vm2\"\n");
    EXPECT_EQ(errors_of("--vm kernel=/nothing"),
              "twofold: --vm: kernel \"/nothing\": No such file or directory\n");
    EXPECT_EQ(errors_of("--vm initrd=/nothing"),
              "twofold: --vm: initrd \"/nothing\": No such file or directory\n");
}

TEST(Run, AnImpossibleFurtherGuestIsNamed) {
    const ProgramResult result = FakeMachine{"echo started"}.run("--vm ipa=31,memory=2G");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors,
              "twofold: guest vm2: 2 GiB of memory from 1 GiB on do not fit a 31-bit IPA\n");
}

TEST(Run, DryRunPrintsTheCommandAndStartsNothing) {
    const FakeMachine machine{"echo started >$folder/started"};
    const ProgramResult result = machine.run("--dry-run");
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output.find(machine.folder().string() + "/qemu -M virt,"), 0U)
        << result.output;
    EXPECT_EQ(machine.file("started"), "");
}

} // namespace
} // namespace twofold::tool
