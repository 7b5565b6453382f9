// SPDX-License-Identifier: MIT
// The guest's device tree, read back with libfdt.
#include "devices/guest_tree.hpp"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <memory>
#include <string>
#include <vector>

namespace twofold::test {

namespace {

using hyp::GuestTreeError;

const std::uint64_t mpidrs[] = {0x8000'0000, 0x8000'0001, 0x8000'0100, 0x81'8000'0203};

hyp::GuestTree sample() {
    hyp::GuestTree tree;
    tree.memory = Ipa{0x4000'0000};
    tree.memory_size = 3 * GiB;
    tree.mpidrs = mpidrs;
    tree.bootargs = "console=ttyAMA0 quiet";
    tree.initrd = Ipa{0x1'4800'0000};
    tree.initrd_size = 0x12345;
    tree.distributor = Ipa{0x0800'0000};
    tree.redistributors = Ipa{0x080a'0000};
    tree.uart = Ipa{0x0900'0000};
    return tree;
}

class GuestTree : public testing::Test {
protected:
    void make(const hyp::GuestTree& tree) {
        const auto size = hyp::make_guest_tree(tree, std::as_writable_bytes(std::span{buffer}));
        ASSERT_TRUE(size.has_value());
        EXPECT_EQ(fdt_check_full(buffer.data(), *size), 0);
        EXPECT_EQ(fdt_totalsize(buffer.data()), *size);
    }
    const void* fdt() const { return buffer.data(); }
    int node(const char* path) const { return fdt_path_offset(fdt(), path); }
    bool has(const char* path, const char* name) const {
        return fdt_getprop(fdt(), node(path), name, nullptr) != nullptr;
    }
    std::string text(const char* path, const char* name) const {
        int size = 0;
        const auto* value = static_cast<const char*>(fdt_getprop(fdt(), node(path), name, &size));
        return value == nullptr ? "" : std::string(value, static_cast<std::size_t>(size));
    }
    std::vector<unsigned> cells(const char* path, const char* name) const {
        const std::string bytes = text(path, name);
        std::vector<unsigned> result;
        for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4)
            result.push_back(fdt32_ld(reinterpret_cast<const fdt32_t*>(bytes.data() + i)));
        return result;
    }

    std::vector<std::uint64_t> buffer = std::vector<std::uint64_t>(2048);
};

using Cells = std::vector<unsigned>;

TEST_F(GuestTree, DescribesTheMachine) {
    make(sample());
    EXPECT_EQ(text("/memory@40000000", "device_type"), std::string("memory\0", 7));
    EXPECT_EQ(cells("/memory@40000000", "reg"), (Cells{0, 0x4000'0000, 0, 0xc000'0000}));
    EXPECT_EQ(text("/psci", "compatible"), std::string("arm,psci-1.0\0arm,psci-0.2\0", 26));
    EXPECT_EQ(text("/psci", "method"), std::string("hvc\0", 4));
    EXPECT_EQ(cells("/timer", "interrupts"), (Cells{1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4}));
    EXPECT_EQ(text("/timer", "compatible"), std::string("arm,armv8-timer\0", 16));

    const char* const gic = "/interrupt-controller@8000000";
    EXPECT_EQ(text(gic, "compatible"), std::string("arm,gic-v3\0", 11));
    EXPECT_TRUE(has(gic, "interrupt-controller"));
    EXPECT_EQ(cells(gic, "#interrupt-cells"), Cells{3});
    EXPECT_EQ(cells(gic, "reg"),
              (Cells{0, 0x800'0000, 0, 0x1'0000, 0, 0x80a'0000, 0, 4 * 0x2'0000}));
    EXPECT_EQ(cells("/", "interrupt-parent"), cells(gic, "phandle"));
}

TEST_F(GuestTree, DescribesTheCpus) {
    make(sample());
    EXPECT_EQ(cells("/cpus", "#address-cells"), Cells{2});
    EXPECT_EQ(cells("/cpus", "#size-cells"), Cells{0});
    const std::pair<const char*, Cells> cpus[] = {{"/cpus/cpu@0", {0, 0}},
                                                  {"/cpus/cpu@1", {0, 1}},
                                                  {"/cpus/cpu@100", {0, 0x100}},
                                                  {"/cpus/cpu@8100000203", {0x81, 0x203}}};
    for (const auto& [path, reg] : cpus) {
        ASSERT_GE(node(path), 0) << path;
        EXPECT_EQ(cells(path, "reg"), reg);
        EXPECT_EQ(text(path, "device_type"), std::string("cpu\0", 4));
        EXPECT_EQ(text(path, "compatible"), std::string("arm,armv8\0", 10));
        EXPECT_EQ(text(path, "enable-method"), std::string("psci\0", 5));
    }
}

TEST_F(GuestTree, DescribesTheUart) {
    make(sample());
    const char* const uart = "/pl011@9000000";
    EXPECT_EQ(text(uart, "compatible"), std::string("arm,pl011\0arm,primecell\0", 24));
    EXPECT_EQ(cells(uart, "reg"), (Cells{0, 0x900'0000, 0, 0x1000}));
    EXPECT_EQ(cells(uart, "interrupts"), (Cells{0, 1, 4}));
    EXPECT_EQ(text(uart, "clock-names"), std::string("uartclk\0apb_pclk\0", 17));
    const Cells clock = cells("/apb-pclk", "phandle");
    ASSERT_EQ(clock.size(), 1u);
    EXPECT_EQ(cells(uart, "clocks"), (Cells{clock[0], clock[0]}));
    EXPECT_EQ(cells("/apb-pclk", "clock-frequency"), Cells{24'000'000});
    EXPECT_EQ(text("/chosen", "stdout-path"), std::string("serial0\0", 8));
    EXPECT_EQ(text("/aliases", "serial0"), std::string("/pl011@9000000\0", 15));
}

TEST_F(GuestTree, HandsOverWhatTheKernelNeeds) {
    make(sample());
    EXPECT_EQ(text("/chosen", "bootargs"), std::string("console=ttyAMA0 quiet\0", 22));
    EXPECT_EQ(cells("/chosen", "linux,initrd-start"), (Cells{1, 0x4800'0000}));
    EXPECT_EQ(cells("/chosen", "linux,initrd-end"), (Cells{1, 0x4801'2345}));
    hyp::GuestTree bare = sample();
    bare.bootargs = {};
    bare.initrd_size = 0;
    make(bare);
    EXPECT_FALSE(has("/chosen", "bootargs"));
    EXPECT_FALSE(has("/chosen", "linux,initrd-start"));
    EXPECT_FALSE(has("/chosen", "linux,initrd-end"));
}

TEST_F(GuestTree, NeverWritesBeyondItsBuffer) {
    const std::string long_arguments(700, 'x');
    hyp::GuestTree tree = sample();
    tree.bootargs = long_arguments;
    make(tree);
    const std::size_t needed = fdt_totalsize(fdt());
    std::size_t first = 0;
    for (std::size_t size = 0; size <= needed + 256; size += 8) {
        // Exactly this size, so that a sanitizer sees the first byte behind it.
        const auto small = std::make_unique<std::uint64_t[]>(size / 8);
        const auto result =
            hyp::make_guest_tree(tree, {reinterpret_cast<std::byte*>(small.get()), size});
        if (result) {
            EXPECT_LE(*result, size);
            first = first == 0 ? size : first;
        } else {
            EXPECT_EQ(result.error(), GuestTreeError::no_space) << size;
            EXPECT_EQ(first, 0u) << "less was enough";
        }
    }
    EXPECT_NE(first, 0u);
    EXPECT_LE(needed, 4096u + 700);
}

TEST_F(GuestTree, EightCpusFitInFourKibibytes) {
    const std::vector<std::uint64_t> many{0, 1, 2, 3, 4, 5, 6, 7};
    hyp::GuestTree tree = sample();
    tree.mpidrs = many;
    make(tree);
    EXPECT_LE(fdt_totalsize(fdt()), 4096u);
}

TEST_F(GuestTree, RefusesWhatCannotBe) {
    const auto error_of = [this](const hyp::GuestTree& tree) {
        const auto result = hyp::make_guest_tree(tree, std::as_writable_bytes(std::span{buffer}));
        return result ? GuestTreeError::malformed : result.error();
    };
    hyp::GuestTree tree = sample();
    tree.mpidrs = {};
    EXPECT_EQ(error_of(tree), GuestTreeError::bad_request);
    const std::vector<std::uint64_t> nine(9);
    tree.mpidrs = nine;
    EXPECT_EQ(error_of(tree), GuestTreeError::bad_request);
    for (const unsigned intid : {0u, 31u, 96u}) {
        tree = sample();
        tree.uart_interrupt = intid;
        EXPECT_EQ(error_of(tree), GuestTreeError::bad_request);
    }
    tree = sample();
    tree.memory_size = 0;
    EXPECT_EQ(error_of(tree), GuestTreeError::bad_request);
}

} // namespace

} // namespace twofold::test
