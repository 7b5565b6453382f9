// SPDX-License-Identifier: MIT
// Set-up and use of the library's GuestMemory.
#include "guest/guest_ram.hpp"

#include "cpu/cache.hpp"
#include "guest/address_translation.hpp"

#include <algorithm>
#include <bit>

namespace twofold::hyp {

std::expected<void, std::string_view> GuestRam::init(const GuestConfiguration& c,
                                                     const CpuFeatures& features, unsigned vmid,
                                                     MemoryPool& pool) {
    features_ = features;
    base_ = c.base;
    const auto geometry = Geometry::make(features, {.granule = c.granule,
                                                    .ipa_bits = c.ipa_bits,
                                                    .pa_bits = 0,
                                                    .lpa2 = c.lpa2,
                                                    .prefer = c.prefer});
    if (!geometry)
        return std::unexpected(to_string(geometry.error()));
    if (c.extent < geometry->page_size())
        return std::unexpected("guest.extent is smaller than a page of guest.granule");
    if (!geometry->contains(c.base, c.memory))
        return std::unexpected("guest.memory ends beyond the addresses that guest.ipa allows");
    pages_.init(pool);
    port_.make(pages_, quiescence_, *geometry, features);
    if (!tables_.init(*port_, pool, *geometry, features, vmid))
        return std::unexpected("no memory for the checker");
    GuestTables::Port& port = tables_.port();
    using Table = Stage2<GuestTables::Port>;
    const auto root = Table::allocate_root(port, *geometry);
    if (!root)
        return std::unexpected(to_string(root.error()));
    const auto vttbr = Vttbr::make(*geometry, *root, vmid, features.vmid16);
    if (!vttbr)
        return std::unexpected(to_string(vttbr.error()));
    vttbr_ = *vttbr;
    vtcr_ = geometry->vtcr(VtcrOptions::of(features));
    Memory& memory = memory_.make(port, Table{port, *geometry, features, *root}, slots_, contexts_,
                                  GuestMemoryPolicy{.fault_around = c.around});
    if (!backing_.init(pool, c.memory, c.extent, geometry->page_size(), !features.fwb))
        return std::unexpected("no memory for the list of extents");
    DirtyBitmap* const dirty = make_bitmap(c.memory / geometry->page_size(), pool);
    if (dirty == nullptr)
        return std::unexpected("no memory for the bitmap of dirty pages");
    if (!make_idle_map({.start = c.base, .length = c.memory}, pool))
        return std::unexpected("no memory for the ages of its memory");
    const auto added = memory.add_slot(
        {.range = {.start = c.base, .length = c.memory}, .backing = &backing_, .dirty = dirty});
    if (!added)
        return std::unexpected(to_string(added.error().rule));
    return {};
}

DirtyBitmap* GuestRam::make_bitmap(std::uint64_t pages, MemoryPool& pool) {
    const std::size_t words = DirtyBitmap::words(pages);
    const std::uint64_t bytes =
        std::bit_ceil(std::max(words * sizeof(std::uint64_t), std::size_t{4096}));
    const auto memory = bytes <= GiB ? pool.allocate(bytes) : std::nullopt;
    if (!memory)
        return nullptr;
    zero_pages(memory->value, bytes);
    return &dirty_.make(std::span{reinterpret_cast<std::uint64_t*>(memory->value), words}, pages);
}

bool GuestRam::make_idle_map(const IpaSpan& slot, MemoryPool& pool) {
    const std::size_t bytes = IdleMap::bytes(slot.length, idle_unit);
    const std::uint64_t size = std::bit_ceil(std::max(bytes, std::size_t{4096}));
    const auto memory = size <= GiB ? pool.allocate(size) : std::nullopt;
    if (memory)
        idle_.make(std::span{reinterpret_cast<std::uint8_t*>(memory->value), bytes}, slot,
                   idle_unit);
    return memory.has_value();
}

void GuestRam::activate() {
    TWOFOLD_WRITE_SYSREG(VTCR_EL2, vtcr_.value);
    TWOFOLD_WRITE_SYSREG(VTTBR_EL2, vttbr_.value);
    isb();
    // Whatever this CPU holds for the VMID is from before.
    asm volatile("tlbi vmalls12e1\n\tdsb nsh\n\tisb" ::: "memory");
    tables_.context(vtcr_, vttbr_);
}

Resolution GuestRam::handle(const Abort& abort, unsigned vcpu) {
    std::optional<Ipa> translated;
    if (!abort.ipa && abort.far) {
        translated = translate_stage1(*abort.far);
        // The guest has changed its stage 1 since: its access is to be made again.
        if (!translated && abort.status.kind == FaultKind::permission)
            return Resolution::resume();
    }
    const Resolution resolution = memory_->handle(abort, contexts_[vcpu], translated);
    tables_.settled();
    return resolution;
}

bool GuestRam::write(Ipa ipa, std::span<const std::byte> data) {
    return backing_.write(ipa - base_, data);
}

void GuestRam::reset() {
    // Cannot fail: a slot is unmapped as a whole, and no block reaches beyond it.
    (void)memory_->withdraw({.start = base_, .length = backing_.size()});
    tables_.settled();
    backing_.release();
    for (FaultContext& context : contexts_)
        context.history.forget();
}

} // namespace twofold::hyp
