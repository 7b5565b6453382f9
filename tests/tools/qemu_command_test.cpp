// SPDX-License-Identifier: MIT
// QEMU's command line and the places of the guest's files.
#include "tools/run/placement.hpp"
#include "tools/run/qemu_command.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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
    std::vector<GuestSizes> sizes;
    for (const GuestOptions& guest : options.guests) {
        sizes.push_back({.kernel = 32 * MiB, .initrd = MiB, .memory = guest.memory});
    }
    return qemu_command(options, Placement::make(sizes),
                        {.report = "/tmp/r.json", .trace = "/tmp/t.bin"});
}

std::uint64_t machine_memory(std::uint64_t guest_memory) {
    return Placement::make({{.kernel = 33 * MiB, .initrd = 2 * MiB, .memory = guest_memory}})
        .machine_memory;
}

TEST(Placement, LeavesWholeGibibytesForTheGuest) {
    // The machine begins at 1 GiB. Modules end below 2 GiB; then come the guest's memory and 1 GiB.
    const Placement one = Placement::make({{.kernel = 33 * MiB, .initrd = 2 * MiB, .memory = GiB}});
    EXPECT_EQ(one.guests[0].kernel, Pa{0x5000'0000});
    EXPECT_EQ(one.guests[0].initrd, Pa{0x5300'0000});
    EXPECT_EQ(one.machine_memory, 3 * GiB);
    EXPECT_EQ(machine_memory(4 * GiB), 6 * GiB);
    EXPECT_EQ(machine_memory(512 * MiB), 3 * GiB);
    EXPECT_EQ(machine_memory(GiB + 2 * MiB), 4 * GiB);
}

TEST(Placement, LargeFilesMoveTheGuestUp) {
    const Placement placement =
        Placement::make({{.kernel = 32 * MiB, .initrd = GiB, .memory = GiB}});
    EXPECT_EQ(placement.guests[0].initrd, Pa{0x5200'0000});
    // The initramfs ends at 2 GiB + 288 MiB, so the guest begins at 3 GiB.
    EXPECT_EQ(placement.machine_memory, 4 * GiB);
}

TEST(Placement, NothingOverlaps) {
    // QEMU puts its device tree at 128 MiB above the start, with room for 1 MiB.
    for (const std::uint64_t kernel : {std::uint64_t{1}, 16 * MiB, 16 * MiB + 1, 300 * MiB}) {
        const Placement placement =
            Placement::make({{.kernel = kernel, .initrd = 5, .memory = GiB},
                             {.kernel = kernel, .initrd = 0, .memory = GiB},
                             {.kernel = kernel, .initrd = 9, .memory = GiB}});
        Pa free{0x4810'0000};
        for (const Placement::Guest& guest : placement.guests) {
            EXPECT_GE(guest.kernel, free);
            EXPECT_GE(guest.initrd, guest.kernel + kernel);
            EXPECT_TRUE(guest.kernel.is_aligned(2 * MiB));
            EXPECT_TRUE(guest.initrd.is_aligned(MiB));
            free = guest.initrd;
        }
    }
}

TEST(Placement, HasMemoryForEveryGuest) {
    const Placement placement =
        Placement::make({{.kernel = 33 * MiB, .initrd = 2 * MiB, .memory = 2 * GiB},
                         {.kernel = 20 * MiB, .initrd = 0, .memory = 64 * MiB},
                         {.kernel = 20 * MiB, .initrd = MiB, .memory = GiB}});
    ASSERT_EQ(placement.guests.size(), 3U);
    EXPECT_EQ(placement.guests[1].kernel, Pa{0x5400'0000});
    EXPECT_EQ(placement.guests[2].kernel, Pa{0x5600'0000});
    EXPECT_EQ(placement.guests[2].initrd, Pa{0x5800'0000});
    // 1 GiB up to where the modules end, 2 + 1 + 1 for the guests, and one more.
    EXPECT_EQ(placement.machine_memory, 6 * GiB);
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
    GuestOptions& guest = options.guests.front();
    guest.smp = 4;
    guest.memory = 1536 * MiB;
    guest.extent = 64 * KiB;
    guest.around = 4 * KiB;
    guest.ipa_bits = 34;
    guest.granule = Granule::k64;
    guest.lpa2 = true;
    guest.prefer = Prefer::fewest_root_pages;
    guest.initrd.clear();
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

TEST(QemuCommand, EachGuestHasItsWordsAndModules) {
    RunOptions options;
    options.guests.push_back({.name = "vm2",
                              .kernel = "k2",
                              .initrd = "",
                              .append = "a b",
                              .memory = 512 * MiB,
                              .extent = 4 * KiB,
                              .ipa_bits = 34,
                              .smp = 1});
    options.guests.push_back({.name = "small",
                              .kernel = "k3",
                              .initrd = "i3",
                              .append = "",
                              .memory = 64 * MiB,
                              .around = 2 * MiB,
                              .granule = Granule::k16,
                              .lpa2 = true,
                              .smp = 3});
    const Words command = command_for(options);
    EXPECT_EQ(values_of(command, "-smp"), Words{"6"});
    EXPECT_EQ(values_of(command, "-m"), Words{"5G"});
    EXPECT_EQ(values_of(command, "-append"),
              Words{"guest.memory=1G guest.extent=1G guest.ipa=40 guest.granule=4K guest.cpus=2 "
                    "guest1.name=vm2 guest1.memory=512M guest1.extent=4K guest1.ipa=34 "
                    "guest1.granule=4K guest1.cpus=1 "
                    "guest2.name=small guest2.memory=64M guest2.extent=1G guest2.ipa=40 "
                    "guest2.granule=16K guest2.cpus=3 guest2.around=2M guest2.lpa2=on "
                    "report=semihosting:/tmp/r.json"});
    const std::string first = "guest-loader,addr=0x50000000,kernel=build/guest/vmlinuz,"
                              "bootargs=console=ttyAMA0";
    EXPECT_EQ(values_of(command, "-device"),
              (Words{first, "guest-loader,addr=0x52000000,initrd=build/guest/initrd.img",
                     "guest-loader,addr=0x53000000,kernel=k2,bootargs=a b",
                     "guest-loader,addr=0x56000000,kernel=k3,bootargs=",
                     "guest-loader,addr=0x58000000,initrd=i3"}));
}

TEST(QemuCommand, PointerAuthenticationIsForTheBareModelOnly) {
    RunOptions options;
    options.cpu = "max,sve=off";
    EXPECT_EQ(values_of(command_for(options), "-cpu"), Words{"max,sve=off"});
}

TEST(QemuCommand, CommasInPropertiesAreDoubled) {
    RunOptions options;
    options.guests.front().kernel = "a,b";
    options.guests.front().append = "console=ttyAMA0,115200 quiet";
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
