// SPDX-License-Identifier: MIT
// Writing of the device tree with libfdt.
#include "device_tree.hpp"

#include "die.hpp"
#include "layout.hpp"

extern "C" {
#include <libfdt.h>
}

namespace twofold::vmm {

namespace {

constexpr std::uint32_t gic_phandle = 1;

class Writer {
public:
    Writer() : tree_(64UL * 1024) {
        good(fdt_create(data(), static_cast<int>(tree_.size())));
        good(fdt_finish_reservemap(data()));
    }

    void begin(const char* name) { good(fdt_begin_node(data(), name)); }
    void end() { good(fdt_end_node(data())); }
    void text(const char* name, const std::string& value) {
        good(fdt_property(data(), name, value.c_str(), static_cast<int>(value.size() + 1)));
    }
    void cell(const char* name, std::uint32_t value) {
        good(fdt_property_u32(data(), name, value));
    }
    void number(const char* name, std::uint64_t value) {
        good(fdt_property_u64(data(), name, value));
    }
    void flag(const char* name) { good(fdt_property(data(), name, nullptr, 0)); }
    void ranges(const char* name, const std::vector<DeviceRange>& list) {
        std::vector<fdt64_t> cells;
        for (const DeviceRange& range : list) {
            cells.push_back(cpu_to_fdt64(range.start));
            cells.push_back(cpu_to_fdt64(range.size));
        }
        good(fdt_property(data(), name, cells.data(),
                          static_cast<int>(cells.size() * sizeof cells[0])));
    }

    std::vector<std::byte> finish() {
        good(fdt_finish(data()));
        tree_.resize(fdt_totalsize(data()));
        return std::move(tree_);
    }

private:
    void* data() { return tree_.data(); }
    static void good(int error) {
        if (error != 0)
            die(std::string{"device tree: "} + fdt_strerror(error));
    }

    std::vector<std::byte> tree_;
};

} // namespace

std::vector<std::byte> make_device_tree(const Options& options) {
    Writer tree;
    tree.begin("");
    tree.text("compatible", "linux,dummy-virt");
    tree.cell("#address-cells", 2);
    tree.cell("#size-cells", 2);
    tree.cell("interrupt-parent", gic_phandle);

    tree.begin("chosen");
    tree.text("bootargs", options.words);
    tree.end();

    tree.begin("cpus");
    tree.cell("#address-cells", 2);
    tree.cell("#size-cells", 0);
    tree.begin("cpu@0");
    tree.text("device_type", "cpu");
    tree.text("compatible", "arm,armv8");
    tree.text("enable-method", "psci");
    tree.number("reg", 0);
    tree.end();
    tree.end();

    tree.begin("psci");
    tree.text("compatible", "arm,psci-0.2");
    tree.text("method", "hvc");
    tree.end();

    std::vector<DeviceRange> memory;
    for (const MemoryOptions& slot : options.memory)
        memory.push_back({slot.ipa, slot.size});
    tree.begin("memory");
    tree.text("device_type", "memory");
    tree.ranges("reg", memory);
    tree.end();

    tree.begin("interrupt-controller");
    tree.text("compatible", "arm,gic-v3");
    tree.cell("#interrupt-cells", 3);
    tree.flag("interrupt-controller");
    tree.ranges("reg", {distributor, redistributors});
    tree.cell("phandle", gic_phandle);
    tree.end();

    tree.begin("uart");
    tree.text("compatible", "arm,pl011");
    tree.ranges("reg", {uart});
    tree.end();

    tree.end();
    return tree.finish();
}

} // namespace twofold::vmm
