// SPDX-License-Identifier: MIT
// `twofold attach` against a fake QEMU: what it answers, and that the machine goes on as it was
// found whatever happens.
#include "fake_qemu.hpp"
#include "program.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace twofold::tool {
namespace {

class Attach : public testing::Test {
protected:
    Attach() { qemu.add_guest(); }

    ProgramResult run(const std::string& arguments) const {
        return run_program(fmt::format("attach --qmp {} --gdb {} --timeout 1 {}", qemu.qmp_path(),
                                       qemu.gdb_path(), arguments));
    }
    // One line of errors, and a machine that runs on.
    void expect_failure(const std::string& arguments, int status, const std::string& words) {
        const ProgramResult result = run(arguments);
        EXPECT_EQ(result.status, status);
        EXPECT_NE(result.errors.find(words), std::string::npos) << result.errors;
        EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
        EXPECT_TRUE(qemu.is_running());
    }

    FakeQemu qemu;
};

TEST_F(Attach, Map) {
    qemu.start();
    const ProgramResult result = run("map");
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(result.errors, "twofold: CPU 2: stage 2 is off at this moment (HCR_EL2.VM)\n");
    EXPECT_TRUE(result.output.starts_with("VMID 5 on CPUs 0, 1\n4K granule, 40-bit IPA, "))
        << result.output;
    EXPECT_NE(result.output.find("0x00040000000-0x00080000000       1 GiB   1  "
                                 "PA 0x0000c0000000  1 block, rwx Normal-WB inner-shareable\n"),
              std::string::npos)
        << result.output;
    EXPECT_NE(result.output.find("0x00080001000-0x00080002000       4 KiB   3  "
                                 "PA 0x000090001000  1 page, rwx Normal-WB inner-shareable\n"),
              std::string::npos)
        << result.output;
    EXPECT_TRUE(qemu.is_running());
    EXPECT_FALSE(qemu.is_physical());
    EXPECT_TRUE(qemu.was_stopped_before_reading());
    // Two pages of the root and one of each level below, in packets of at most 4096 bytes.
    EXPECT_EQ(qemu.reads(), 4U * 3U);
}

TEST_F(Attach, MapAsJson) {
    qemu.start();
    const auto json = nlohmann::json::parse(run("map --json").output);
    EXPECT_EQ(json.at("running"), true);
    EXPECT_GT(json.at("stopped_seconds"), 0.0);
    ASSERT_EQ(json.at("cpus").size(), 3U);
    EXPECT_EQ(json.at("cpus").at(2), nlohmann::json::parse(R"({
        "cpu": 2, "stage2": false, "vmid": 5, "vtcr": "0x00000000802d3558",
        "vttbr": "0x0005000040000000", "hcr": "0x0000000080000000", "big_endian": false,
        "id_registers": true})"));
    ASSERT_EQ(json.at("stage2").size(), 1U);
    const auto& stage2 = json.at("stage2").at(0);
    EXPECT_EQ(stage2.at("vmid"), 5);
    EXPECT_EQ(stage2.at("cpus"), nlohmann::json::parse("[0, 1]"));
    EXPECT_EQ(stage2.at("error"), nullptr);
    EXPECT_EQ(stage2.at("map").at("tables"), 4);
    EXPECT_EQ(stage2.at("map").at("complete"), true);
}

TEST_F(Attach, MapAsKvmPrintsIt) {
    qemu.start();
    EXPECT_EQ(run("--cpu 0 map --format kvm-7.2").output,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1\n"
              "0x0000000040000000-0x0000000080000000           1G 1   R W px ux  AF BLK\n"
              "0x0000000080000000-0x0000000080001000           4K 3\n"
              "0x0000000080001000-0x0000000080002000           4K 3   R W px ux  AF    \n"
              "0x0000000080002000-0x0000000080200000        2040K 3\n"
              "0x0000000080200000-0x00000000c0000000        1022M 2\n");
}

TEST_F(Attach, Walk) {
    qemu.start();
    const ProgramResult page = run("walk 0x80001234 --access write");
    EXPECT_EQ(page.status, 0) << page.errors;
    EXPECT_NE(page.output.find("PA 0x90001234, in 4 KiB from IPA 0x80001000\n"), std::string::npos)
        << page.output;
    const ProgramResult hole = run("walk 0x80002000 --json");
    EXPECT_EQ(hole.status, 1);
    const auto walk = nlohmann::json::parse(hole.output).at("stage2").at(0).at("walk");
    EXPECT_EQ(walk.at("fault").at("kind"), "translation");
    EXPECT_EQ(walk.at("fault").at("level"), 3);
    EXPECT_TRUE(qemu.is_running());
}

TEST_F(Attach, CpusInDifferentStages) {
    qemu.cpus[1].registers["VTTBR_EL2"] = 0x0006'0000'4000'4000;
    qemu.words[0x4000'4000] = 0x8000'07fd;
    qemu.start();
    const auto both = nlohmann::json::parse(run("map --json").output).at("stage2");
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both.at(0).at("vmid"), 5);
    EXPECT_EQ(both.at(1).at("vmid"), 6);
    EXPECT_EQ(both.at(1).at("map").at("runs").at(0).at("pa"), "0x80000000");
    const auto one = nlohmann::json::parse(run("map --json --vmid 6").output).at("stage2");
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one.at(0).at("cpus"), nlohmann::json::parse("[1]"));
    EXPECT_EQ(nlohmann::json::parse(run("--cpu 1 map --json").output).at("cpus").size(), 1U);
}

TEST_F(Attach, StageThatIsOff) {
    qemu.start();
    const ProgramResult off = run("--cpu 2 map");
    EXPECT_EQ(off.status, 1);
    EXPECT_NE(off.errors.find("no CPU that was asked for is in a stage 2 at this moment"),
              std::string::npos);
    const ProgramResult anyway = run("--cpu 2 --off map");
    EXPECT_EQ(anyway.status, 0) << anyway.errors;
    EXPECT_TRUE(anyway.output.starts_with("VMID 5 on CPU 2\n")) << anyway.output;
}

// A host that is not in its guest has an HCR_EL2 of its own. MemAttr 0b0110 is write-back only with
// forced write-back, which a hypervisor uses where the CPU has it.
TEST_F(Attach, StageThatIsOffIsReadAsTheCpuCanDo) {
    qemu.cpus[2].registers["ID_AA64MMFR2_EL1"] = std::uint64_t{1} << 40; // FWB
    qemu.words[0x4000'0008] = 0x8000'07d9 | std::uint64_t{0x40000000};
    qemu.start();
    const ProgramResult anyway = run("--cpu 2 --off map");
    EXPECT_NE(anyway.output.find("forced write-back; CPU"), std::string::npos) << anyway.output;
    EXPECT_NE(anyway.output.find("1 block, rwx Normal-WB inner-shareable"), std::string::npos)
        << anyway.output;
}

// What KVM without VHE leaves while the host runs, and what a CPU has that never was in a guest.
TEST_F(Attach, NoTableWhileTheStageIsOff) {
    qemu.cpus[2].registers["VTTBR_EL2"] = 0;
    qemu.start();
    const ProgramResult result = run("--off map --json");
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(result.errors, "twofold: CPU 2: stage 2 is off at this moment (HCR_EL2.VM), and "
                             "VTTBR_EL2 has no table\n");
    EXPECT_EQ(nlohmann::json::parse(result.output).at("stage2").size(), 1U);
    EXPECT_EQ(run("--cpu 2 --off map").status, 1);
}

TEST_F(Attach, WaitsForAGuest) {
    for (auto& cpu : qemu.cpus) {
        cpu.registers["HCR_EL2"] = 0x8000'0000;
    }
    unsigned stops = 0;
    qemu.qmp_says = [&](std::string_view command) -> std::optional<std::string> {
        if (command == "stop" && ++stops == 3) {
            qemu.cpus[1].registers["HCR_EL2"] = 0x8000'0001;
        }
        return std::nullopt;
    };
    qemu.start();
    const ProgramResult result = run("--wait 60 map");
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_TRUE(result.output.starts_with("VMID 5 on CPU 1\n")) << result.output;
    EXPECT_EQ(stops, 3U);
    EXPECT_TRUE(qemu.is_running());
}

TEST_F(Attach, WaitsNoLongerThanItIsTold) {
    qemu.start();
    const ProgramResult result = run("--wait 1 --vmid 9 map");
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.errors.find("no CPU that was asked for is in a stage 2 at this moment"),
              std::string::npos);
    EXPECT_TRUE(qemu.is_running());
}

// Nothing changes while it stands still.
TEST_F(Attach, DoesNotWaitForAStoppedMachine) {
    qemu.running = false;
    qemu.start();
    EXPECT_EQ(run("--wait 3600 --vmid 9 map").status, 1);
}

TEST_F(Attach, EightBitVmid) {
    qemu.cpus[0].registers["VTTBR_EL2"] = 0xff05'0000'4000'0000;
    qemu.cpus[0].registers["VTCR_EL2"] = 0x8025'3558; // VS clear
    qemu.start();
    EXPECT_TRUE(run("--cpu 0 map").output.starts_with("VMID 5 on CPU 0\n"));
}

TEST_F(Attach, StoppedMachineStaysStopped) {
    qemu.running = false;
    qemu.start();
    const auto json = nlohmann::json::parse(run("map --json").output);
    EXPECT_EQ(json.at("running"), false);
    EXPECT_EQ(json.at("stopped_seconds"), 0.0);
    EXPECT_FALSE(qemu.is_running());
    EXPECT_FALSE(qemu.is_physical());
}

TEST_F(Attach, OlderStubsWithoutPhysicalMemory) {
    qemu.physical_memory = false;
    qemu.start();
    const auto json = nlohmann::json::parse(run("map --json").output);
    EXPECT_EQ(json.at("stage2").at(0).at("map").at("complete"), true);
    EXPECT_EQ(qemu.reads(), 4U);
    EXPECT_TRUE(qemu.was_stopped_before_reading());
}

// A read of a device has effects, and tables that are torn or hostile point anywhere.
TEST_F(Attach, OnlyMemoryIsRead) {
    qemu.words[0x4000'0018] = 0x0900'0003; // a table in the UART
    qemu.start();
    const ProgramResult result = run("map --json");
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.errors.find("some tables are where the machine has no memory"),
              std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(result.output).at("stage2").at(0).at("map").at("complete"),
              false);
    EXPECT_EQ(qemu.reads(), 4U * 3U);
}

TEST_F(Attach, UnknownMemoryIsSaid) {
    qemu.memory_tree = "unknown command: 'info'\r\n";
    qemu.start();
    const ProgramResult result = run("map");
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.errors.find("QEMU does not say where the machine has memory"),
              std::string::npos);
}

TEST_F(Attach, CpuWithoutEl2) {
    for (auto& cpu : qemu.cpus) {
        cpu.registers.erase("VTCR_EL2");
    }
    qemu.start();
    expect_failure("map", 1, "CPU 0 has no EL2: its gdbstub has no VTCR_EL2");
}

TEST_F(Attach, WithoutIdRegisters) {
    for (auto& cpu : qemu.cpus) {
        std::erase_if(cpu.registers, [](const auto& one) { return one.first.starts_with("ID"); });
    }
    qemu.start();
    const ProgramResult result = run("--cpu 0 map");
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors, "twofold: CPU 0: its ID registers are not known: it is taken for one "
                             "with everything\n");
    EXPECT_NE(result.output.find("; CPU: everything\n"), std::string::npos);
}

TEST_F(Attach, VtcrThatDescribesNoTable) {
    for (auto& cpu : qemu.cpus) {
        cpu.registers["VTCR_EL2"] = 0x802d'f558; // TG0 is reserved
    }
    qemu.start();
    const ProgramResult result = run("map --json");
    EXPECT_EQ(result.status, 1);
    const auto stage2 = nlohmann::json::parse(result.output).at("stage2").at(0);
    EXPECT_EQ(stage2.at("map"), nullptr);
    EXPECT_TRUE(stage2.at("error").get<std::string>().starts_with("VTCR_EL2: granule"));
}

TEST_F(Attach, CpuThatIsNotThere) {
    qemu.start();
    expect_failure("--cpu 3 map", 2, "--cpu: expected a CPU of the machine, which has 3, not 3");
}

TEST_F(Attach, SocketsThatAreNotThere) {
    qemu.start();
    const ProgramResult qmp =
        run_program("attach --qmp /nowhere/qmp --gdb " + qemu.gdb_path() + " map");
    EXPECT_EQ(qmp.status, 2);
    EXPECT_EQ(qmp.errors, "twofold: QMP at /nowhere/qmp: No such file or directory\n");
    const ProgramResult gdb =
        run_program("attach --gdb /nowhere/gdb --qmp " + qemu.qmp_path() + " map");
    EXPECT_EQ(gdb.status, 2);
    EXPECT_EQ(gdb.errors, "twofold: gdbstub at /nowhere/gdb: No such file or directory\n");
    EXPECT_TRUE(qemu.is_running());
    EXPECT_EQ(run_program("attach map").status, 2);
    EXPECT_EQ(run_program("attach --qmp a --gdb b").status, 2);
}

TEST_F(Attach, GdbstubThatIsTaken) {
    qemu.qmp_says = [](std::string_view command) {
        return command == "query-chardev"
                   ? std::optional<std::string>{R"({"return": [{"label": "gdb", )"
                                                R"("filename": "tcp:x <-> y"}], "id": 2})"}
                   : std::nullopt;
    };
    qemu.start();
    expect_failure("map", 1, "another debugger is attached");
}

// Every request in turn is answered by nonsense, by nothing, or by the end of the connection.
TEST_F(Attach, GdbstubsThatFailAtAnyStep) {
    std::string victim;
    std::string answer;
    qemu.gdb_says = [&](std::string_view request) {
        return request.starts_with(victim) ? std::optional{answer} : std::nullopt;
    };
    qemu.start();
    for (const char* const request :
         {"qSupported", "qfThreadInfo", "qsThreadInfo", "qXfer:features:read:target",
          "qXfer:features:read:system", "Hg", "p", "m"}) {
        for (const char* const reply :
             {"drop", "E01", "", "zz", "raw:$12#00$12#00$12#00$12#00", "raw:$*#2a", "W00"}) {
            victim = request;
            answer = reply;
            SCOPED_TRACE(fmt::format("{} {}", victim, answer));
            expect_failure("--cpu 0 map", 1, "gdbstub at ");
            EXPECT_FALSE(answer != "drop" && qemu.is_physical());
        }
    }
    victim = "p";
    answer = "mute";
    expect_failure("--cpu 0 map", 1, ": no answer within 1 s");
    // It was not let go, and stops the machine once more when it has been forgotten.
    victim = "D";
    answer = "drop";
    EXPECT_EQ(run("--cpu 0 map").status, 0);
    EXPECT_TRUE(qemu.is_running());
}

TEST_F(Attach, GdbstubsThatGoOnForEver) {
    std::string victim = "qsThreadInfo";
    std::string answer = "m01,02,03";
    qemu.gdb_says = [&](std::string_view request) {
        return request.starts_with(victim) ? std::optional{answer} : std::nullopt;
    };
    qemu.start();
    expect_failure("map", 1, "gdbstub at ");
    victim = "qXfer";
    answer = "m<xi:include href='core.xml'/>";
    expect_failure("map", 1, "more than 1 MiB");
    answer = "l<xi:include href='core.xml'/>";
    expect_failure("map", 1, "the target description includes itself");
    victim = "p";
    answer = "raw:$" + std::string(3U << 20, '0');
    expect_failure("--cpu 0 map", 1, "a packet without end");
}

TEST_F(Attach, MessagesBetweenPackets) {
    qemu.gdb_noise = "++-junk$T05thread:01;#07$O68#af";
    qemu.start();
    const ProgramResult result = run("map");
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_TRUE(qemu.is_running());
}

TEST_F(Attach, QmpThatFailsAtAnyStep) {
    std::string victim;
    std::string answer;
    qemu.qmp_says = [&](std::string_view command) {
        return command == victim ? std::optional{answer} : std::nullopt;
    };
    qemu.start();
    for (const char* const command : {"qmp_capabilities", "query-status", "stop"}) {
        for (const char* const reply : {"drop", "mute", "[]", "\x01", "{\"return\""}) {
            victim = command;
            answer = reply;
            SCOPED_TRACE(fmt::format("{} {}", victim, answer));
            const ProgramResult result = run("map");
            EXPECT_NE(result.status, 0);
            EXPECT_EQ(std::ranges::count(result.errors, '\n'), 1) << result.errors;
            EXPECT_NE(result.errors.find("QMP"), std::string::npos) << result.errors;
            EXPECT_TRUE(qemu.is_running());
        }
    }
}

TEST_F(Attach, WhatIsNotQmp) {
    qemu.greeting = "SSH-2.0-OpenSSH";
    qemu.start();
    expect_failure("map", 2, "this is not QEMU's QMP: expected lines of JSON objects");
}

TEST_F(Attach, GreetingWithoutEnd) {
    qemu.greeting = std::string(8U << 20, '{');
    qemu.start();
    expect_failure("map", 2, "QMP at ");
}

TEST_F(Attach, Watch) {
    // What the guest does between two looks.
    unsigned looks = 0;
    qemu.qmp_says = [&](std::string_view command) -> std::optional<std::string> {
        if (command == "stop" && ++looks == 2) {
            qemu.words[0x4000'3008] = 0x9000'173f | std::uint64_t{1} << 54;
            qemu.words[0x4000'3010] = 0x9000'27ff;
            qemu.words.erase(0x4000'0008);
        }
        return std::nullopt;
    };
    qemu.start();
    const ProgramResult text = run("--cpu 0 watch --interval 0.01 --count 3");
    EXPECT_EQ(text.status, 0) << text.errors;
    EXPECT_NE(text.output.find("s  VMID 5 on CPU 0: 1.0 GiB mapped in 2 runs\n"), std::string::npos)
        << text.output;
    EXPECT_NE(text.output.find("s  VMID 5 on CPU 0: 8 KiB mapped, 3 changes\n"
                               "    went         0x000040000000-0x000080000000       1 GiB  "
                               "PA 0xc0000000 in 1 GiB, rwx Normal-WB inner-shareable\n"
                               "    permissions  0x000080001000-0x000080002000       4 KiB  "
                               "rwx Normal-WB inner-shareable -> -"),
              std::string::npos)
        << text.output;
    EXPECT_NE(text.output.find("    came         0x000080002000-0x000080003000       4 KiB  "
                               "PA 0x90002000 in 4 KiB, rwx Normal-WB inner-shareable\n"),
              std::string::npos)
        << text.output;
    EXPECT_NE(text.output.find("s  VMID 5 on CPU 0: 8 KiB mapped, no change\n"), std::string::npos);
    EXPECT_TRUE(qemu.is_running());

    const ProgramResult json = run("--cpu 0 watch --count 1 --json");
    const auto line = nlohmann::json::parse(json.output);
    EXPECT_EQ(line.at("first"), true);
    EXPECT_EQ(line.at("mapped_bytes"), 8192);
    EXPECT_EQ(line.at("root"), "0x40000000");
    EXPECT_EQ(line.at("changes"), nlohmann::json::array());
}

TEST_F(Attach, CtrlCEndsAWatch) {
    qemu.start();
    const ProgramResult result = run_program(
        fmt::format("version >/dev/null 2>&1; timeout -s INT 1 {} attach --qmp {} --gdb "
                    "{} watch --interval 0.2",
                    TWOFOLD_PROGRAM, qemu.qmp_path(), qemu.gdb_path()));
    EXPECT_EQ(result.status, 124); // timeout's own, since it had to send the signal
    EXPECT_NE(result.output.find("no change"), std::string::npos);
    EXPECT_TRUE(qemu.is_running());
}

TEST_F(Attach, CtrlCWhileQemuIsSilent) {
    const auto folder = TemporaryFolder::make().value();
    const std::filesystem::path asked = folder.path() / "asked";
    qemu.gdb_says = [&asked](std::string_view request) -> std::optional<std::string> {
        if (!request.starts_with("p")) {
            return std::nullopt;
        }
        std::ofstream{asked} << request;
        return "mute";
    };
    qemu.start();
    // With job control (-m) what is in the background does not ignore SIGINT.
    const ProgramResult result = run_program(fmt::format(
        "version >/dev/null 2>&1; bash -mc '{} attach --qmp {} --gdb {} --timeout 60 map & "
        "until [ -s {} ]; do sleep 0.05; done; kill -INT $!; wait $!'",
        TWOFOLD_PROGRAM, qemu.qmp_path(), qemu.gdb_path(), asked.string()));
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.errors.find("interrupted"), std::string::npos) << result.errors;
    EXPECT_TRUE(qemu.is_running());
}

} // namespace
} // namespace twofold::tool
