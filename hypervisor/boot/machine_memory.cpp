// SPDX-License-Identifier: MIT
// The memory map of EL2 from the device tree.
#include "boot/machine_memory.hpp"

#include "cpu/cpus.hpp"

#include <algorithm>
#include <array>

extern "C" const char image_start[];
extern "C" const char image_text_end[];
extern "C" const char image_rodata_end[];
extern "C" const char image_end[];

namespace twofold::hyp {

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::size_t most_holes = 64;
constexpr std::size_t most_ranges = 64;

std::uint64_t address_of(const char* symbol) { return reinterpret_cast<std::uintptr_t>(symbol); }

MemoryRange whole_pages(MemoryRange range) {
    if (range.empty())
        return {};
    const std::uint64_t start = align_down(range.start, page);
    return {start, align_up(range.end(), page) - start};
}

class Holes {
public:
    // False when there are more than fit: then nothing is safe to use.
    bool add(MemoryRange range) {
        if (range.empty())
            return true;
        if (count_ == holes_.size())
            return false;
        holes_[count_++] = whole_pages(range);
        return true;
    }
    std::span<const MemoryRange> all() const { return {holes_.data(), count_}; }

private:
    std::array<MemoryRange, most_holes> holes_{};
    std::size_t count_ = 0;
};

} // namespace

MemoryRange image_range() {
    return {address_of(image_start), address_of(image_end) - address_of(image_start)};
}

bool map_image(AddressSpace& space) {
    const std::uint64_t text = address_of(image_start);
    const std::uint64_t rodata = address_of(image_text_end);
    const std::uint64_t data = address_of(image_rodata_end);
    if (!space.map(text, rodata - text, MapKind::code) ||
        !space.map(rodata, data - rodata, MapKind::constant))
        return false;
    std::uint64_t at = data;
    for (const std::uint64_t guard : guard_pages()) {
        if (!space.map(at, guard - at, MapKind::data))
            return false;
        at = guard + page;
    }
    return space.map(at, address_of(image_end) - at, MapKind::data);
}

bool map_pages(AddressSpace& space, MemoryRange range, MapKind kind) {
    const MemoryRange pages = whole_pages(range);
    return space.map(pages.start, pages.size, kind);
}

bool fill_pool(const BootTree& tree, const BootModules& modules, AddressSpace& space,
               MemoryPool& pool) {
    Holes holes;
    bool complete = holes.add(image_range()) && holes.add(tree.extent());
    tree.for_each_reserved([&](MemoryRange range) { complete = holes.add(range) && complete; });
    for (const GuestModules& guest : modules.guests) {
        for (const MemoryRange& module : {guest.kernel, guest.initrd})
            complete = complete && holes.add(module) &&
                       (module.empty() || map_pages(space, module, MapKind::constant));
    }
    if (!complete)
        return false;
    tree.for_each_memory([&](MemoryRange memory) {
        std::array<MemoryRange, most_ranges> ranges{};
        const std::size_t count = subtract(memory, holes.all(), ranges);
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t start = align_up(ranges[i].start, page);
            const std::uint64_t end = align_down(ranges[i].end(), page);
            if (start < end && space.map(start, end - start, MapKind::data))
                pool.add({start, end - start});
        }
    });
    return true;
}

} // namespace twofold::hyp
