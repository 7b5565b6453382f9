// SPDX-License-Identifier: MIT
// Reading of the device tree with libfdt.
#include "machine.hpp"

#include <twofold/arch/address.hpp>

#include <algorithm>

extern "C" {
#include <libfdt.h>
extern const char _start[];
extern const char _end[];
}

namespace twofold::payload {

namespace {

std::uint64_t cells(const fdt64_t* at) { return fdt64_ld(at); }

// Entry `n` of "reg" with two cells for addresses and sizes.
bool read_registers(const void* tree, int node, unsigned n, Range& range) {
    int size = 0;
    const auto* reg =
        node < 0 ? nullptr : static_cast<const fdt64_t*>(fdt_getprop(tree, node, "reg", &size));
    if (reg == nullptr || size < static_cast<int>(16 * (n + 1)))
        return false;
    range = {.start = cells(reg + std::size_t{2} * n), .size = cells(reg + std::size_t{2} * n + 1)};
    return true;
}

int by_type(const void* tree, int after, const char* type) {
    return fdt_node_offset_by_prop_value(tree, after, "device_type", type,
                                         static_cast<int>(std::string_view{type}.size() + 1));
}

std::uint64_t chosen_number(const void* tree, const char* name) {
    int size = 0;
    const int node = fdt_path_offset(tree, "/chosen");
    const auto* value =
        node < 0 ? nullptr : static_cast<const fdt64_t*>(fdt_getprop(tree, node, name, &size));
    return value != nullptr && size == 8 ? cells(value) : 0;
}

} // namespace

bool Machine::read(const void* at) {
    if (fdt_check_header(at) != 0)
        return false;
    image = {.start = reinterpret_cast<std::uintptr_t>(_start),
             .size = static_cast<std::uint64_t>(_end - _start)};
    tree = {.start = reinterpret_cast<std::uintptr_t>(at), .size = fdt_totalsize(at)};
    const int gic = fdt_node_offset_by_compatible(at, -1, "arm,gic-v3");
    if (!read_registers(at, by_type(at, -1, "memory"), 0, memory) ||
        !read_registers(at, gic, 0, distributor) || !read_registers(at, gic, 1, redistributors) ||
        !read_registers(at, fdt_node_offset_by_compatible(at, -1, "arm,pl011"), 0, uart))
        return false;
    for (int node = by_type(at, -1, "cpu"); node >= 0 && cpus < max_cpus;
         node = by_type(at, node, "cpu")) {
        int size = 0;
        const auto* reg = static_cast<const fdt64_t*>(fdt_getprop(at, node, "reg", &size));
        if (reg == nullptr || size != 8)
            return false;
        mpidrs[cpus++] = cells(reg);
    }
    initrd.start = chosen_number(at, "linux,initrd-start");
    initrd.size = chosen_number(at, "linux,initrd-end") - initrd.start;
    if (const int chosen = fdt_path_offset(at, "/chosen"); chosen >= 0) {
        int size = 0;
        if (const void* text = fdt_getprop(at, chosen, "bootargs", &size);
            text != nullptr && size > 0)
            words = {static_cast<const char*>(text), static_cast<std::size_t>(size - 1)};
    }
    fresh_start_ = align_up(std::max({image.end(), tree.end(), initrd.end()}), 2 * MiB) + 2 * MiB;
    fresh_next_ = fresh_start_;
    return cpus != 0;
}

bool Machine::is_somewhere(std::uint64_t address) const {
    return memory.contains(address) || distributor.contains(address) ||
           redistributors.contains(address) || uart.contains(address);
}

std::string_view Machine::word(std::string_view name) const {
    std::string_view rest = words;
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=')
            return word.substr(name.size() + 1);
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return {};
}

unsigned Machine::ipa_bits() const {
    unsigned bits = 0;
    for (const char c : word("payload.ipa"))
        bits = bits * 10 + static_cast<unsigned>(c - '0');
    return bits;
}

std::uint64_t Machine::fresh(std::uint64_t size, std::uint64_t alignment) {
    const std::uint64_t at = align_up(fresh_next_, alignment);
    fresh_next_ = at + size;
    return at;
}

} // namespace twofold::payload
