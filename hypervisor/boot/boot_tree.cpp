// SPDX-License-Identifier: MIT
// BootTree with libfdt. It runs before any guest does: libfdt was compiled with vector registers,
// which are the guest's afterwards.
#include "boot/boot_tree.hpp"

#include <libfdt.h>

#include <span>

namespace twofold::hyp {

namespace {

std::uint64_t cells(const fdt32_t* at, int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i)
        value = value << 32 | fdt32_to_cpu(at[i]);
    return value;
}

struct CellCounts {
    int address;
    int size;
};

// Of the children of `parent`. Modules under /chosen may come without counts: QEMU's guest-loader
// writes 64-bit numbers and leaves it to the reader to see that from the length.
CellCounts cell_counts(const void* tree, int parent, int length) {
    CellCounts counts{fdt_address_cells(tree, parent), fdt_size_cells(tree, parent)};
    if (fdt_getprop(tree, parent, "#address-cells", nullptr) == nullptr) {
        if (length == 16)
            counts = {2, 2};
        else if (length == 8)
            counts = {1, 1};
    }
    return counts;
}

} // namespace

std::uint64_t BootTree::size_of(const void* tree) {
    const auto* header = static_cast<const fdt32_t*>(tree);
    if (tree == nullptr || fdt32_to_cpu(header[0]) != FDT_MAGIC)
        return 0;
    return fdt32_to_cpu(header[1]);
}

std::optional<BootTree> BootTree::make(const void* tree) {
    if (fdt_check_header(tree) != 0)
        return std::nullopt;
    return BootTree{tree};
}

MemoryRange BootTree::extent() const {
    return {reinterpret_cast<std::uintptr_t>(tree_), fdt_totalsize(tree_)};
}

std::string_view BootTree::text(int node, const char* property) const {
    int length = 0;
    const auto* value = static_cast<const char*>(fdt_getprop(tree_, node, property, &length));
    if (value == nullptr || length <= 0)
        return {};
    const std::string_view whole{value, static_cast<std::size_t>(length)};
    return whole.substr(0, whole.find('\0'));
}

bool BootTree::is_compatible(int node, const char* with) const {
    return fdt_node_check_compatible(tree_, node, with) == 0;
}

std::string_view BootTree::bootargs() const {
    const int chosen = fdt_path_offset(tree_, "/chosen");
    return chosen < 0 ? std::string_view{} : text(chosen, "bootargs");
}

std::optional<MemoryRange> BootTree::reg(int node, unsigned index) const {
    int length = 0;
    const auto* value = static_cast<const fdt32_t*>(fdt_getprop(tree_, node, "reg", &length));
    const int parent = fdt_parent_offset(tree_, node);
    if (value == nullptr || parent < 0)
        return std::nullopt;
    const auto counts = cell_counts(tree_, parent, length);
    if (counts.address < 1 || counts.address > 2 || counts.size < 0 || counts.size > 2)
        return std::nullopt;
    const int stride = counts.address + counts.size;
    const int at = static_cast<int>(index) * stride;
    if ((at + stride) * static_cast<int>(sizeof(fdt32_t)) > length)
        return std::nullopt;
    const MemoryRange range{cells(value + at, counts.address),
                            cells(value + at + counts.address, counts.size)};
    if (range.end() < range.start)
        return std::nullopt;
    return range;
}

int BootTree::next_memory(int node) const {
    for (node = fdt_next_node(tree_, node, nullptr); node >= 0;
         node = fdt_next_node(tree_, node, nullptr)) {
        if (text(node, "device_type") == "memory" && text(node, "status") != "disabled")
            return node;
    }
    return -1;
}

int BootTree::next_reserved(int node) const {
    const int parent = fdt_path_offset(tree_, "/reserved-memory");
    if (parent < 0)
        return -1;
    return node < 0 ? fdt_first_subnode(tree_, parent) : fdt_next_subnode(tree_, node);
}

std::optional<MemoryRange> BootTree::memory_reservation(int index) const {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    if (index >= fdt_num_mem_rsv(tree_) || fdt_get_mem_rsv(tree_, index, &start, &size) != 0)
        return std::nullopt;
    return MemoryRange{start, size};
}

int BootTree::next_module(int node) const {
    const int chosen = fdt_path_offset(tree_, "/chosen");
    if (chosen < 0)
        return -1;
    do
        node = node < 0 ? fdt_first_subnode(tree_, chosen) : fdt_next_subnode(tree_, node);
    while (node >= 0 && !is_compatible(node, "multiboot,module"));
    return node;
}

BootModules BootTree::modules() const {
    BootModules modules;
    // A tree has its nodes in any order: QEMU's has the last one first.
    for (int node = next_module(-1); node >= 0; node = next_module(node)) {
        const auto range = reg(node, 0);
        if (!range || !is_compatible(node, "multiboot,kernel"))
            continue;
        if (modules.count == modules.guests.size()) {
            modules.complete = false;
            break;
        }
        std::size_t at = modules.count++;
        for (; at != 0 && modules.guests[at - 1].kernel.start > range->start; --at)
            modules.guests[at] = modules.guests[at - 1];
        modules.guests[at] = {.kernel = *range, .initrd = {}, .bootargs = text(node, "bootargs")};
    }
    const std::span guests = std::span{modules.guests}.first(modules.count);
    for (int node = next_module(-1); node >= 0; node = next_module(node)) {
        const auto range = reg(node, 0);
        if (!range || guests.empty() || !is_compatible(node, "multiboot,ramdisk") ||
            is_compatible(node, "multiboot,kernel"))
            continue;
        GuestModules* of = guests.data();
        for (GuestModules& guest : guests) {
            if (guest.kernel.start < range->start)
                of = &guest;
        }
        of->initrd = *range;
    }
    return modules;
}

std::optional<UartNode> BootTree::uart() const {
    // The console that the firmware chose, else the first PL011.
    int node = -1;
    const int chosen = fdt_path_offset(tree_, "/chosen");
    if (chosen >= 0) {
        std::string_view path = text(chosen, "stdout-path");
        path = path.substr(0, path.find(':'));
        node = fdt_path_offset_namelen(tree_, path.data(), static_cast<int>(path.size()));
    }
    if (node < 0 || !is_compatible(node, "arm,pl011"))
        node = fdt_node_offset_by_compatible(tree_, -1, "arm,pl011");
    if (node < 0)
        return std::nullopt;
    const auto registers = reg(node, 0);
    if (!registers)
        return std::nullopt;
    UartNode uart{.registers = *registers};
    int length = 0;
    const auto* interrupt =
        static_cast<const fdt32_t*>(fdt_getprop(tree_, node, "interrupts", &length));
    // <type number flags>; type 0 is an SPI
    if (interrupt != nullptr && length >= 12 && fdt32_to_cpu(interrupt[0]) == 0)
        uart.interrupt = fdt32_to_cpu(interrupt[1]) + 32;
    return uart;
}

std::optional<GicNode> BootTree::gic() const {
    const int node = fdt_node_offset_by_compatible(tree_, -1, "arm,gic-v3");
    if (node < 0)
        return std::nullopt;
    const auto distributor = reg(node, 0);
    const auto redistributors = reg(node, 1);
    if (!distributor || !redistributors)
        return std::nullopt;
    return GicNode{*distributor, *redistributors};
}

bool BootTree::psci_uses_smc() const {
    const int node = fdt_path_offset(tree_, "/psci");
    return node >= 0 && text(node, "method") == "smc";
}

std::size_t BootTree::cpus(std::span<std::uint64_t> mpidrs) const {
    const int parent = fdt_path_offset(tree_, "/cpus");
    if (parent < 0)
        return 0;
    const int address_cells = fdt_address_cells(tree_, parent);
    std::size_t count = 0;
    for (int node = fdt_first_subnode(tree_, parent); node >= 0 && count < mpidrs.size();
         node = fdt_next_subnode(tree_, node)) {
        if (text(node, "device_type") != "cpu")
            continue;
        int length = 0;
        const auto* value = static_cast<const fdt32_t*>(fdt_getprop(tree_, node, "reg", &length));
        if (value == nullptr || length < address_cells * static_cast<int>(sizeof(fdt32_t)))
            continue;
        mpidrs[count++] = cells(value, address_cells);
    }
    return count;
}

} // namespace twofold::hyp
