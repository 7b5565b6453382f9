// SPDX-License-Identifier: MIT
// The boot loader's device tree. The trees here are made with libfdt in the form that QEMU 7.2
// gives its virt machine.
#include "boot/boot_tree.hpp"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::hyp {
namespace {

class Tree {
public:
    Tree() { fdt_create(blob_.data(), static_cast<int>(blob_.size())); }
    Tree& reserve(std::uint64_t start, std::uint64_t size) {
        fdt_add_reservemap_entry(blob_.data(), start, size);
        return *this;
    }
    Tree& begin(const char* name) {
        if (!structured_) {
            fdt_finish_reservemap(blob_.data());
            structured_ = true;
        }
        fdt_begin_node(blob_.data(), name);
        return *this;
    }
    Tree& end() {
        fdt_end_node(blob_.data());
        return *this;
    }
    Tree& text(const char* name, const char* value) {
        fdt_property(blob_.data(), name, value, static_cast<int>(std::strlen(value) + 1));
        return *this;
    }
    template <std::size_t N>
    Tree& texts(const char* name, const char (&value)[N]) {
        fdt_property(blob_.data(), name, value, static_cast<int>(N));
        return *this;
    }
    Tree& cells(const char* name, std::vector<std::uint32_t> values) {
        for (auto& value : values)
            value = cpu_to_fdt32(value);
        fdt_property(blob_.data(), name, values.data(), static_cast<int>(4 * values.size()));
        return *this;
    }
    BootTree finish() {
        fdt_finish(blob_.data());
        return *BootTree::make(blob_.data());
    }

private:
    std::vector<char> blob_ = std::vector<char>(8192);
    bool structured_ = false;
};

// The root of QEMU's tree: 64-bit addresses and sizes.
Tree& root(Tree& tree) {
    return tree.begin("").cells("#address-cells", {2}).cells("#size-cells", {2});
}

TEST(BootTree, RefusesWhatIsNoTree) {
    const std::array<std::uint64_t, 8> nothing{};
    EXPECT_FALSE(BootTree::make(nothing.data()));
    EXPECT_EQ(BootTree::size_of(nothing.data()), 0U);
    EXPECT_EQ(BootTree::size_of(nullptr), 0U);
}

TEST(BootTree, FindsAllMemory) {
    Tree tree;
    root(tree)
        .begin("memory@40000000")
        .text("device_type", "memory")
        .cells("reg", {0, 0x4000'0000, 0, 0x8000'0000, 8, 0, 1, 0})
        .end()
        .begin("memory@10000000000")
        .text("device_type", "memory")
        .cells("reg", {0x100, 0, 0, 0x1000'0000})
        .end()
        .begin("memory@0")
        .text("device_type", "memory")
        .text("status", "disabled")
        .cells("reg", {0, 0, 0, 0x1000'0000})
        .end()
        .end();
    std::vector<MemoryRange> found;
    tree.finish().for_each_memory([&](MemoryRange range) { found.push_back(range); });
    EXPECT_EQ(found, (std::vector<MemoryRange>{{0x4000'0000, 0x8000'0000},
                                               {0x8'0000'0000, 0x1'0000'0000},
                                               {0x100'0000'0000, 0x1000'0000}}));
}

TEST(BootTree, FindsWhatIsReserved) {
    Tree tree;
    tree.reserve(0x4100'0000, 0x1000);
    root(tree)
        .begin("reserved-memory")
        .cells("#address-cells", {2})
        .cells("#size-cells", {2})
        .begin("one@50000000")
        .cells("reg", {0, 0x5000'0000, 0, 0x2000})
        .end()
        .begin("dynamic")
        .cells("size", {0, 0x1000})
        .end()
        .begin("two@60000000")
        .cells("reg", {0, 0x6000'0000, 0, 0x3000})
        .end()
        .end()
        .end();
    std::vector<MemoryRange> found;
    tree.finish().for_each_reserved([&](MemoryRange range) { found.push_back(range); });
    EXPECT_EQ(found, (std::vector<MemoryRange>{
                         {0x4100'0000, 0x1000}, {0x5000'0000, 0x2000}, {0x6000'0000, 0x3000}}));
}

TEST(BootTree, ReadsModulesAsGuestLoaderWritesThem) {
    Tree tree;
    root(tree)
        .begin("chosen")
        .text("bootargs", "guest.memory=1G")
        .begin("module@0x50000000")
        .texts("compatible", "multiboot,module\0multiboot,kernel")
        .cells("reg", {0, 0x5000'0000, 0, 0x1f6'e000})
        .text("bootargs", "console=ttyAMA0 quiet")
        .end()
        .begin("module@0x52000000")
        .texts("compatible", "multiboot,module\0multiboot,ramdisk")
        .cells("reg", {0, 0x5200'0000, 0, 0x14'0000})
        .end()
        .end()
        .end();
    const BootTree boot = tree.finish();
    const BootModules all = boot.modules();
    EXPECT_EQ(boot.bootargs(), "guest.memory=1G");
    ASSERT_EQ(all.count, 1U);
    const GuestModules& modules = all.guests[0];
    EXPECT_EQ(modules.kernel, (MemoryRange{0x5000'0000, 0x1f6'e000}));
    EXPECT_EQ(modules.initrd, (MemoryRange{0x5200'0000, 0x14'0000}));
    EXPECT_EQ(modules.bootargs, "console=ttyAMA0 quiet");
}

TEST(BootTree, ReadsModulesAsXensBindingWritesThem) {
    Tree tree;
    root(tree)
        .begin("chosen")
        .cells("#address-cells", {2})
        .cells("#size-cells", {1})
        .begin("module@0")
        .texts("compatible", "multiboot,kernel\0multiboot,module")
        .cells("reg", {1, 0, 0x1000})
        .end()
        .end()
        .end();
    const BootModules all = tree.finish().modules();
    ASSERT_EQ(all.count, 1U);
    const GuestModules& modules = all.guests[0];
    EXPECT_EQ(modules.kernel, (MemoryRange{0x1'0000'0000, 0x1000}));
    EXPECT_TRUE(modules.initrd.empty());
    EXPECT_EQ(modules.bootargs, "");
}

// "k" for a kernel, "r" for a ramdisk; 16 MiB apart from 0x40000000 on, in this order of nodes.
BootModules modules_of(std::string_view kinds, std::vector<unsigned> places) {
    Tree tree;
    root(tree).begin("chosen");
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        const bool kernel = kinds[i] == 'k';
        tree.begin(("module@" + std::to_string(i)).c_str());
        if (kernel)
            tree.texts("compatible", "multiboot,module\0multiboot,kernel");
        else
            tree.texts("compatible", "multiboot,module\0multiboot,ramdisk");
        tree.cells("reg", {0, 0x4000'0000 + 0x100'0000 * places[i], 0, 0x1000}).end();
    }
    return tree.end().end().finish().modules();
}

std::uint64_t place_of(const MemoryRange& range) { return (range.start - 0x4000'0000) >> 24; }

TEST(BootTree, GivesEachGuestItsModulesByTheirAddresses) {
    // As QEMU's tree has them: the last one first.
    const BootModules modules = modules_of("krkrk", {5, 4, 3, 2, 1});
    ASSERT_EQ(modules.count, 3U);
    EXPECT_TRUE(modules.complete);
    EXPECT_EQ(place_of(modules.guests[0].kernel), 1U);
    EXPECT_EQ(place_of(modules.guests[0].initrd), 2U);
    EXPECT_EQ(place_of(modules.guests[1].kernel), 3U);
    EXPECT_EQ(place_of(modules.guests[1].initrd), 4U);
    EXPECT_EQ(place_of(modules.guests[2].kernel), 5U);
    EXPECT_TRUE(modules.guests[2].initrd.empty());
}

TEST(BootTree, ARamdiskBelowAllKernelsIsTheFirstOnes) {
    const BootModules one = modules_of("kr", {7, 3});
    ASSERT_EQ(one.count, 1U);
    EXPECT_EQ(place_of(one.guests[0].initrd), 3U);
    const BootModules two = modules_of("rkk", {1, 9, 4});
    ASSERT_EQ(two.count, 2U);
    EXPECT_EQ(place_of(two.guests[0].kernel), 4U);
    EXPECT_EQ(place_of(two.guests[0].initrd), 1U);
    EXPECT_TRUE(two.guests[1].initrd.empty());
    EXPECT_EQ(modules_of("r", {1}).count, 0U);
}

TEST(BootTree, SaysWhenThereAreMoreKernelsThanGuests) {
    EXPECT_TRUE(modules_of("kkkk", {4, 2, 3, 1}).complete);
    const BootModules modules = modules_of("kkkkk", {4, 2, 3, 1, 5});
    EXPECT_FALSE(modules.complete);
    EXPECT_EQ(modules.count, 4U);
}

TEST(BootTree, FindsDevices) {
    Tree tree;
    root(tree)
        .begin("chosen")
        .text("stdout-path", "/pl011@9040000:115200")
        .end()
        .begin("psci")
        .text("method", "smc")
        .end()
        .begin("pl011@9000000")
        .texts("compatible", "arm,pl011\0arm,primecell")
        .cells("reg", {0, 0x900'0000, 0, 0x1000})
        .cells("interrupts", {0, 1, 4})
        .end()
        .begin("pl011@9040000")
        .texts("compatible", "arm,pl011\0arm,primecell")
        .cells("reg", {0, 0x904'0000, 0, 0x1000})
        .cells("interrupts", {0, 8, 4})
        .end()
        .begin("intc@8000000")
        .text("compatible", "arm,gic-v3")
        .cells("reg", {0, 0x800'0000, 0, 0x1'0000, 0, 0x80a'0000, 0, 0xf6'0000})
        .end()
        .end();
    const BootTree boot = tree.finish();
    ASSERT_TRUE(boot.uart());
    EXPECT_EQ(boot.uart()->registers, (MemoryRange{0x904'0000, 0x1000}));
    EXPECT_EQ(boot.uart()->interrupt, 40U);
    ASSERT_TRUE(boot.gic());
    EXPECT_EQ(boot.gic()->distributor, (MemoryRange{0x800'0000, 0x1'0000}));
    EXPECT_EQ(boot.gic()->redistributors, (MemoryRange{0x80a'0000, 0xf6'0000}));
    EXPECT_TRUE(boot.psci_uses_smc());
}

TEST(BootTree, HasNothingWhereNothingIs) {
    Tree tree;
    root(tree).end();
    const BootTree boot = tree.finish();
    EXPECT_FALSE(boot.uart());
    EXPECT_FALSE(boot.gic());
    EXPECT_FALSE(boot.psci_uses_smc());
    EXPECT_EQ(boot.bootargs(), "");
    EXPECT_EQ(boot.modules().count, 0U);
    EXPECT_TRUE(boot.modules().complete);
    std::array<std::uint64_t, 2> mpidrs{};
    EXPECT_EQ(boot.cpus(mpidrs), 0U);
}

TEST(BootTree, CountsCpusUpToTheRoomThereIs) {
    Tree tree;
    root(tree).begin("cpus").cells("#address-cells", {2}).cells("#size-cells", {0});
    tree.begin("cpu-map").end();
    for (std::uint32_t i = 0; i < 3; ++i)
        tree.begin(i == 0   ? "cpu@0"
                   : i == 1 ? "cpu@1"
                            : "cpu@2")
            .text("device_type", "cpu")
            .cells("reg", {i == 2 ? 1U : 0U, i})
            .end();
    tree.end().end();
    const BootTree boot = tree.finish();
    std::array<std::uint64_t, 8> mpidrs{};
    ASSERT_EQ(boot.cpus(mpidrs), 3U);
    EXPECT_EQ(mpidrs[0], 0U);
    EXPECT_EQ(mpidrs[1], 1U);
    EXPECT_EQ(mpidrs[2], 0x1'0000'0002U);
    constexpr std::uint64_t untouched = ~std::uint64_t{0};
    mpidrs.fill(untouched);
    EXPECT_EQ(boot.cpus(std::span{mpidrs}.first(2)), 2U);
    EXPECT_EQ(mpidrs[1], 1U);
    EXPECT_EQ(mpidrs[2], untouched);
}

TEST(BootTree, IgnoresARangeThatWraps) {
    Tree tree;
    root(tree)
        .begin("memory@0")
        .text("device_type", "memory")
        .cells("reg", {0xffff'ffff, 0xffff'f000, 0, 0x2000})
        .end()
        .end();
    unsigned count = 0;
    tree.finish().for_each_memory([&](MemoryRange) { ++count; });
    EXPECT_EQ(count, 0U);
}

} // namespace
} // namespace twofold::hyp
