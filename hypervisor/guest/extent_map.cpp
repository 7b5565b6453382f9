// SPDX-License-Identifier: MIT
// Division and joining of extents.
#include "guest/extent_map.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace twofold::hyp {

bool ExtentMap::init(MemoryPool& pool, std::uint64_t size, std::uint64_t extent,
                     std::uint64_t page) {
    pool_ = &pool;
    size_ = size;
    extent_ = extent;
    page_ = page;
    const std::uint64_t count = align_up(size, extent) / extent;
    const std::uint64_t bytes = std::bit_ceil(std::max(count * sizeof(Entry), 4 * KiB));
    const auto list = bytes <= GiB ? pool.allocate(bytes) : std::nullopt;
    if (!list)
        return false;
    list_ = reinterpret_cast<Entry*>(list->value);
    for (std::uint64_t i = 0; i < count; ++i)
        new (&list_[i]) Entry{absent};
    return true;
}

std::optional<ExtentMap::Piece> ExtentMap::extent(std::uint64_t offset) const {
    const std::uint64_t value = load(list_[offset / extent_]);
    if (is_divided(value))
        return std::nullopt;
    return Piece{.offset = align_down(offset, extent_),
                 .length = extent_,
                 .pa = value != absent ? std::optional{Pa{value}} : std::nullopt};
}

ExtentMap::Path ExtentMap::walk(std::uint64_t offset) const {
    Path path;
    path.spots[0] = {.array = list_,
                     .count = align_up(size_, extent_) / extent_,
                     .index = offset / extent_,
                     .size = extent_};
    for (;;) {
        const Spot& spot = path.last();
        const std::uint64_t value = load(spot.entry());
        if (!is_divided(value))
            return path;
        const std::uint64_t part = part_size(spot.size);
        path.spots[path.depth + 1] = {.array = parts_of(value),
                                      .count = spot.size / part,
                                      .index = offset % spot.size / part,
                                      .size = part};
        ++path.depth;
    }
}

ExtentMap::Piece ExtentMap::piece(std::uint64_t offset) const {
    const Path path = walk(offset);
    const Spot& spot = path.last();
    const std::uint64_t value = load(spot.entry());
    return {.offset = align_down(offset, spot.size),
            .length = spot.size,
            .pa = value != absent ? std::optional{Pa{value}} : std::nullopt};
}

ExtentMap::Piece ExtentMap::run(std::uint64_t offset) const {
    const Path path = walk(offset);
    const Spot& spot = path.last();
    Piece run = piece(offset);
    // Extents are not joined: their size is what was asked for.
    if (!run.pa || path.depth == 0)
        return run;
    for (std::uint64_t i = spot.index; i != 0; --i) {
        if (load(spot.array[i - 1]) != (*run.pa - spot.size).value)
            break;
        run.offset -= spot.size;
        run.length += spot.size;
        run.pa = *run.pa - spot.size;
    }
    for (std::uint64_t i = spot.index + 1; i != spot.count; ++i) {
        if (load(spot.array[i]) != (*run.pa + run.length).value)
            break;
        run.length += spot.size;
    }
    return run;
}

std::optional<Pa> ExtentMap::wanted_place(std::uint64_t offset) const {
    const Path path = walk(offset);
    const Spot& spot = path.last();
    if (path.depth == 0)
        return std::nullopt;
    const auto memory_at = [&](std::uint64_t index) -> std::optional<std::uint64_t> {
        const std::uint64_t value = load(spot.array[index]);
        return value != absent && !is_divided(value) ? std::optional{value} : std::nullopt;
    };
    if (spot.index != 0) {
        if (const auto before = memory_at(spot.index - 1))
            return Pa{*before + spot.size};
    }
    if (spot.index + 1 != spot.count) {
        if (const auto behind = memory_at(spot.index + 1); behind && *behind >= spot.size)
            return Pa{*behind - spot.size};
    }
    return std::nullopt;
}

// All parts of a division are there, one behind the other, and aligned like what was divided.
bool ExtentMap::is_whole(const Spot& spot) const {
    const std::uint64_t first = load(spot.array[0]);
    if (first == absent || is_divided(first) || !is_aligned(first, spot.size * spot.count))
        return false;
    for (std::uint64_t i = 1; i < spot.count; ++i) {
        if (load(spot.array[i]) != first + i * spot.size)
            return false;
    }
    return true;
}

void ExtentMap::set(std::uint64_t offset, std::optional<Pa> pa) {
    Path path = walk(offset);
    store(path.last().entry(), pa ? pa->value : absent);
    if (!pa)
        return;
    while (path.depth != 0) {
        const Spot& spot = path.last();
        // What is at the wrong place itself need not be looked for in the others.
        const std::uint64_t first = load(spot.array[0]);
        if (load(spot.entry()) != first + spot.index * spot.size || !is_whole(spot))
            return;
        --path.depth;
        store(path.last().entry(), first);
        pool_->free(Pa{reinterpret_cast<std::uintptr_t>(spot.array)}, array_bytes);
    }
}

bool ExtentMap::divide(std::uint64_t offset) {
    for (;;) {
        const Path path = walk(offset);
        const Spot& spot = path.last();
        if (spot.size == page_)
            return true;
        const auto array = pool_->allocate(array_bytes);
        if (!array)
            return false;
        auto* const parts = reinterpret_cast<Entry*>(array->value);
        const std::uint64_t value = load(spot.entry());
        const std::uint64_t part = part_size(spot.size);
        for (std::uint64_t i = 0; i < spot.size / part; ++i)
            new (&parts[i]) Entry{value != absent ? value + i * part : absent};
        store(spot.entry(), array->value | divided);
    }
}

} // namespace twofold::hyp
