// SPDX-License-Identifier: MIT
// The nodes, written in order with libfdt's sequential functions.
#include "devices/guest_tree.hpp"

#include "devices/virtual_uart.hpp"
#include "gic/distributor.hpp"
#include "gic/redistributor.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <climits>

extern "C" {
#include <libfdt.h>
}

namespace twofold::hyp {

namespace {

constexpr std::uint32_t gic_phandle = 1;
constexpr std::uint32_t clock_phandle = 2;
constexpr std::uint32_t uart_clock = 24'000'000;

// The three cells of an interrupt: type, number within the type, flags.
constexpr std::uint32_t spi_type = 0;
constexpr std::uint32_t ppi_type = 1;
constexpr std::uint32_t level_high = 4;
constexpr unsigned first_spi = 32;

// "name@unit" with the unit in hexadecimal and a '\0' behind it.
class UnitName {
public:
    UnitName(std::string_view name, std::uint64_t unit) {
        size_ = std::min(name.size(), text_.size() - 18);
        std::copy_n(name.data(), size_, text_.data());
        text_[size_++] = '@';
        const unsigned digits =
            unit == 0 ? 1 : (static_cast<unsigned>(std::bit_width(unit)) + 3) / 4;
        for (unsigned i = digits; i-- != 0;)
            text_[size_++] = "0123456789abcdef"[(unit >> (4 * i)) & 0xf];
    }
    std::string_view text() const { return {text_.data(), size_}; }

private:
    std::array<char, 48> text_{};
    std::size_t size_ = 0;
};

// Writes until the first error, which it keeps.
class TreeWriter {
public:
    explicit TreeWriter(std::span<std::byte> buffer)
        : tree_{buffer.data()},
          status_{fdt_create(tree_,
                             buffer.size() > INT_MAX ? INT_MAX : static_cast<int>(buffer.size()))} {
        if (status_ == 0)
            status_ = fdt_finish_reservemap(tree_);
    }

    void begin(const char* name) {
        if (status_ == 0)
            status_ = fdt_begin_node(tree_, name);
    }
    void begin(const UnitName& name) { begin(name.text().data()); }
    void end() {
        if (status_ == 0)
            status_ = fdt_end_node(tree_);
    }

    void flag(const char* name) { bytes(name, nullptr, 0); }
    void text(const char* name, std::string_view value) {
        void* room = nullptr;
        if (status_ == 0)
            status_ = value.size() < INT_MAX
                          ? fdt_property_placeholder(tree_, name,
                                                     static_cast<int>(value.size() + 1), &room)
                          : -FDT_ERR_NOSPACE;
        if (status_ != 0)
            return;
        *std::copy_n(value.data(), value.size(), static_cast<char*>(room)) = '\0';
    }
    // Several strings, each with its end: pass a literal and its '\0's come along.
    template <std::size_t N>
    void texts(const char* name, const char (&value)[N]) {
        bytes(name, value, N);
    }
    template <typename... Cells>
    void cells(const char* name, Cells... values) {
        const std::array<fdt32_t, sizeof...(Cells)> array{
            cpu_to_fdt32(static_cast<std::uint32_t>(values))...};
        bytes(name, array.data(), sizeof(array));
    }
    template <typename... Values>
    void wide(const char* name, Values... values) {
        const std::array<fdt64_t, sizeof...(Values)> array{
            cpu_to_fdt64(static_cast<std::uint64_t>(values))...};
        bytes(name, array.data(), sizeof(array));
    }

    std::expected<std::size_t, GuestTreeError> finish() {
        if (status_ == 0)
            status_ = fdt_finish(tree_);
        if (status_ == -FDT_ERR_NOSPACE)
            return std::unexpected{GuestTreeError::no_space};
        if (status_ != 0)
            return std::unexpected{GuestTreeError::malformed};
        return static_cast<std::size_t>(fdt_totalsize(tree_));
    }

private:
    void bytes(const char* name, const void* value, std::size_t size) {
        if (status_ == 0)
            status_ = fdt_property(tree_, name, value, static_cast<int>(size));
    }

    void* tree_;
    int status_;
};

void add_chosen(TreeWriter& writer, const GuestTree& tree) {
    writer.begin("chosen");
    if (!tree.bootargs.empty())
        writer.text("bootargs", tree.bootargs);
    writer.text("stdout-path", "serial0");
    if (tree.initrd_size != 0) {
        writer.wide("linux,initrd-start", tree.initrd.value);
        writer.wide("linux,initrd-end", tree.initrd.value + tree.initrd_size);
    }
    writer.end();
}

void add_aliases(TreeWriter& writer, const GuestTree& tree) {
    writer.begin("aliases");
    writer.text("serial0", UnitName{"/pl011", tree.uart.value}.text());
    writer.end();
}

void add_cpus(TreeWriter& writer, const GuestTree& tree) {
    constexpr std::uint64_t affinity = 0xff'00ff'ffff;
    writer.begin("cpus");
    writer.cells("#address-cells", 2);
    writer.cells("#size-cells", 0);
    for (const std::uint64_t mpidr : tree.mpidrs) {
        writer.begin(UnitName{"cpu", mpidr & affinity});
        writer.text("device_type", "cpu");
        writer.text("compatible", "arm,armv8");
        writer.wide("reg", mpidr & affinity);
        writer.text("enable-method", "psci");
        writer.end();
    }
    writer.end();
}

void add_interrupts(TreeWriter& writer, const GuestTree& tree) {
    writer.begin(UnitName{"interrupt-controller", tree.distributor.value});
    writer.text("compatible", "arm,gic-v3");
    writer.cells("#interrupt-cells", 3);
    writer.cells("#address-cells", 0);
    writer.flag("interrupt-controller");
    writer.cells("#redistributor-regions", 1);
    writer.wide("reg", tree.distributor.value, Distributor::frame_size, tree.redistributors.value,
                Redistributors::stride * tree.mpidrs.size());
    writer.cells("phandle", gic_phandle);
    writer.end();

    // Secure, non-secure, virtual and hypervisor timer: PPI 13, 14, 11 and 10.
    writer.begin("timer");
    writer.text("compatible", "arm,armv8-timer");
    writer.cells("interrupts", ppi_type, 13, level_high, ppi_type, 14, level_high, ppi_type, 11,
                 level_high, ppi_type, 10, level_high);
    writer.flag("always-on");
    writer.end();
}

void add_uart(TreeWriter& writer, const GuestTree& tree) {
    writer.begin("apb-pclk");
    writer.text("compatible", "fixed-clock");
    writer.cells("#clock-cells", 0);
    writer.cells("clock-frequency", uart_clock);
    writer.text("clock-output-names", "clk24mhz");
    writer.cells("phandle", clock_phandle);
    writer.end();

    writer.begin(UnitName{"pl011", tree.uart.value});
    writer.texts("compatible", "arm,pl011\0arm,primecell");
    writer.wide("reg", tree.uart.value, VirtualUart::frame_size);
    writer.cells("interrupts", spi_type, tree.uart_interrupt - first_spi, level_high);
    writer.cells("clocks", clock_phandle, clock_phandle);
    writer.texts("clock-names", "uartclk\0apb_pclk");
    writer.end();
}

} // namespace

std::expected<std::size_t, GuestTreeError> make_guest_tree(const GuestTree& tree,
                                                           std::span<std::byte> buffer) {
    if (tree.mpidrs.empty() || tree.mpidrs.size() > max_vcpus || tree.uart_interrupt < first_spi ||
        tree.uart_interrupt >= interrupt_limit || tree.memory_size == 0)
        return std::unexpected{GuestTreeError::bad_request};

    TreeWriter writer{buffer};
    writer.begin("");
    writer.text("compatible", "twofold,guest");
    writer.text("model", "Twofold guest");
    writer.cells("#address-cells", 2);
    writer.cells("#size-cells", 2);
    writer.cells("interrupt-parent", gic_phandle);
    add_chosen(writer, tree);
    add_aliases(writer, tree);
    writer.begin("psci");
    writer.texts("compatible", "arm,psci-1.0\0arm,psci-0.2");
    writer.text("method", "hvc");
    writer.end();
    add_cpus(writer, tree);
    writer.begin(UnitName{"memory", tree.memory.value});
    writer.text("device_type", "memory");
    writer.wide("reg", tree.memory.value, tree.memory_size);
    writer.end();
    add_interrupts(writer, tree);
    add_uart(writer, tree);
    writer.end();
    return writer.finish();
}

} // namespace twofold::hyp
