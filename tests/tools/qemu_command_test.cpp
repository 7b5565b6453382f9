// SPDX-License-Identifier: MIT
// QEMU's command line and the places of the guest's files.
#include "tools/run/placement.hpp"
#include "tools/run/qemu_command.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace twofold::tool {
namespace {

using Words = std::vector<std::string>;

// What follows an option; empty if it is not there.
Words values_of(const Words& command, std::string_view option) {
    Words values;
    for (std::size_t i = 0; i + 1 < command.size(); ++i) {
        if (command[i] == option) {
            values.push_back(command[i + 1]);
        }
    }
    return values;
}

Words command_for(const RunOptions& options) {
    return qemu_command(options, Placement::make(32 * MiB, MiB, options.memory),
                        {.report = "/tmp/r.json", .trace = "/tmp/t.bin"});
}

TEST(Placement, LeavesWholeGibibytesForTheGuest) {
    // The machine begins at 1 GiB. Modules end below 2 GiB; then come the guest's memory and 1 GiB.
    const Placement one = Placement::make(33 * MiB, 2 * MiB, GiB);
    EXPECT_EQ(one.kernel, Pa{0x5000'0000});
    EXPECT_EQ(one.initrd, Pa{0x5300'0000});
    EXPECT_EQ(one.machine_memory, 3 * GiB);
    EXPECT_EQ(Placement::make(33 * MiB, 2 * MiB, 4 * GiB).machine_memory, 6 * GiB);
    EXPECT_EQ(Placement::make(33 * MiB, 2 * MiB, 512 * MiB).machine_memory, 3 * GiB);
    EXPECT_EQ(Placement::make(33 * MiB, 2 * MiB, GiB + 2 * MiB).machine_memory, 4 * GiB);
}

TEST(Placement, LargeFilesMoveTheGuestUp) {
    const Placement placement = Placement::make(32 * MiB, GiB, GiB);
    EXPECT_EQ(placement.initrd, Pa{0x5200'0000});
    // The initramfs ends at 2 GiB + 288 MiB, so the guest begins at 3 GiB.
    EXPECT_EQ(placement.machine_memory, 4 * GiB);
}

TEST(Placement, NothingOverlaps) {
    // QEMU puts its device tree at 128 MiB above the start, with room for 1 MiB.
    const Pa tree_end{0x4810'0000};
    for (const std::uint64_t kernel : {std::uint64_t{1}, 16 * MiB, 16 * MiB + 1, 300 * MiB}) {
        const Placement placement = Placement::make(kernel, 5, GiB);
        EXPECT_GE(placement.kernel, tree_end);
        EXPECT_GE(placement.initrd, placement.kernel + kernel);
        EXPECT_TRUE(placement.initrd.is_aligned(MiB));
    }
}

TEST(QemuCommand, DefaultsAreTheDemonstration) {
    const Words command = command_for({});
    EXPECT_EQ(command.front(), "qemu-system-aarch64");
    EXPECT_EQ(values_of(command, "-M"), Words{"virt,virtualization=on,gic-version=3"});
    EXPECT_EQ(values_of(command, "-cpu"), Words{"max,pauth-impdef=on"});
    EXPECT_EQ(values_of(command, "-smp"), Words{"2"});
    EXPECT_EQ(values_of(command, "-m"), Words{"3G"});
    EXPECT_EQ(values_of(command, "-serial"), Words{"stdio"});
    EXPECT_EQ(values_of(command, "-monitor"), Words{"none"});
    EXPECT_EQ(values_of(command, "-semihosting-config"), Words{"enable=on,target=native"});
    EXPECT_EQ(values_of(command, "-kernel"), Words{"build/aarch64/twofold.img"});
    EXPECT_EQ(values_of(command, "-append"),
              Words{"guest.memory=1G guest.extent=1G guest.ipa=40 guest.granule=4K guest.cpus=2 "
                    "report=semihosting:/tmp/r.json"});
    EXPECT_EQ(values_of(command, "-device"),
              (Words{"guest-loader,addr=0x50000000,kernel=build/guest/vmlinuz,"
                     "bootargs=console=ttyAMA0",
                     "guest-loader,addr=0x52000000,initrd=build/guest/initrd.img"}));
}

TEST(QemuCommand, GivesTheMonitorItsScriptInOneWord) {
    RunOptions options;
    options.monitor_script = "log on; repeat 2;\twait 1s; end";
    options.monitor_calls = true;
    EXPECT_EQ(values_of(command_for(options), "-append"),
              Words{"guest.memory=1G guest.extent=1G guest.ipa=40 guest.granule=4K guest.cpus=2 "
                    "monitor.script=log,on;,repeat,2;,wait,1s;,end monitor.calls=on "
                    "report=semihosting:/tmp/r.json"});
}

TEST(QemuCommand, NamesTheTraceOnlyWhereOneIsWanted) {
    RunOptions options;
    options.trace = "out.json";
    options.trace_limit = 5000;
    EXPECT_EQ(
        values_of(command_for(options), "-append"),
        Words{"guest.memory=1G guest.extent=1G guest.ipa=40 guest.granule=4K guest.cpus=2 "
              "trace=semihosting:/tmp/t.bin trace.limit=5000 report=semihosting:/tmp/r.json"});
}

TEST(QemuCommand, TakesEveryOption) {
    RunOptions options;
    options.cpu = "cortex-a72";
    options.smp = 4;
    options.memory = 1536 * MiB;
    options.extent = 64 * KiB;
    options.around = 4 * KiB;
    options.ipa_bits = 34;
    options.granule = Granule::k64;
    options.lpa2 = true;
    options.prefer = Prefer::fewest_root_pages;
    options.initrd.clear();
    options.qemu = "/opt/qemu";
    const Words command = command_for(options);
    EXPECT_EQ(command.front(), "/opt/qemu");
    EXPECT_EQ(values_of(command, "-cpu"), Words{"cortex-a72"});
    EXPECT_EQ(values_of(command, "-smp"), Words{"4"});
    EXPECT_EQ(values_of(command, "-m"), Words{"4G"});
    EXPECT_EQ(values_of(command, "-append"),
              Words{"guest.memory=1536M guest.extent=64K guest.ipa=34 guest.granule=64K "
                    "guest.cpus=4 guest.around=4K guest.lpa2=on guest.levels=most "
                    "report=semihosting:/tmp/r.json"});
    EXPECT_EQ(values_of(command, "-device").size(), 1U);
}

TEST(QemuCommand, PointerAuthenticationIsForTheBareModelOnly) {
    RunOptions options;
    options.cpu = "max,sve=off";
    EXPECT_EQ(values_of(command_for(options), "-cpu"), Words{"max,sve=off"});
}

TEST(QemuCommand, CommasInPropertiesAreDoubled) {
    RunOptions options;
    options.kernel = "a,b";
    options.append = "console=ttyAMA0,115200 quiet";
    EXPECT_EQ(values_of(command_for(options), "-device").front(),
              "guest-loader,addr=0x50000000,kernel=a,,b,"
              "bootargs=console=ttyAMA0,,115200 quiet");
}

TEST(QemuCommand, ShellWordsAreQuotedWhereNeeded) {
    EXPECT_EQ(shell_words({"qemu", "-cpu", "max,pauth-impdef=on", "a b", "it's", "$x", ""}),
              "qemu -cpu max,pauth-impdef=on 'a b' 'it'\\''s' '$x' ''");
}

} // namespace
} // namespace twofold::tool
