// SPDX-License-Identifier: MIT
#include "guest/guest_memory.hpp"

#include "cpu/cache.hpp"

#include <cstring>

namespace twofold::hyp {

bool GuestRam::init(const Configuration& c, const CpuFeatures& features, MemoryPool& pool) {
    pool_ = &pool;
    fwb_ = features.fwb;
    base_ = c.base;
    size_ = c.memory;
    const auto g = Geometry::make(features, {.granule = Granule::k4, .ipa_bits = c.ipa_bits});
    if (!g)
        return false;
    geometry_ = *g;
    const auto root = pool.allocate(geometry_->root_bytes());
    root_ = *root;
    zero_pages(root_.value, geometry_->root_bytes());
    vtcr_ = geometry_->vtcr(VtcrOptions::of(features)).value;
    vttbr_ = Vttbr::make(*geometry_, root_, 1, features.vmid16)->value;
    attributes_ = *AttributeFormat{.fwb = fwb_, .xnx = features.xnx, .lpa2 = false}.encode(
        Attributes{.permissions = Permissions::rwx()});
    return true;
}

void GuestRam::activate() const {
    TWOFOLD_WRITE_SYSREG(VTCR_EL2, vtcr_);
    TWOFOLD_WRITE_SYSREG(VTTBR_EL2, vttbr_);
    isb();
    asm volatile("tlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory");
}

std::optional<Pa> GuestRam::extent(std::uint64_t n) {
    if (extents_[n] == 0) {
        const auto pa = pool_->allocate(GiB);
        if (!pa)
            return std::nullopt;
        zero_pages(pa->value, GiB);
        if (!fwb_)
            clean_and_invalidate_data_cache(pa->value, GiB);
        extents_[n] = pa->value;
    }
    return Pa{extents_[n]};
}

Resolution GuestRam::handle(const Abort& abort) {
    if (!abort.ipa)
        return Resolution::stop(StopReason::ipa_unknown);
    if (*abort.ipa < base_ || *abort.ipa - base_ >= size_) {
        if (!abort.syndrome || abort.instruction)
            return Resolution::inject({});
        return Resolution::emulate(
            {.ipa = *abort.ipa, .write = abort.wnr, .syndrome = *abort.syndrome});
    }
    const LockGuard guard{lock_};
    const auto pa = extent((*abort.ipa - base_) / GiB);
    if (!pa)
        return Resolution::stop(StopReason::table_memory);
    const DescriptorFormat format{*geometry_};
    reinterpret_cast<volatile std::uint64_t*>(root_.value)[abort.ipa->value / GiB] =
        format.leaf(1, *pa, attributes_).value;
    dsb_ish();
    isb();
    return Resolution::resume();
}

bool GuestRam::write(Ipa ipa, std::span<const std::byte> data) {
    const LockGuard guard{lock_};
    while (!data.empty()) {
        const std::uint64_t offset = ipa - base_;
        const auto pa = extent(offset / GiB);
        if (!pa)
            return false;
        const std::size_t n = std::min<std::size_t>(data.size(), GiB - offset % GiB);
        auto* to = reinterpret_cast<std::byte*>(pa->value + offset % GiB);
        std::memcpy(to, data.data(), n);
        clean_data_cache(reinterpret_cast<std::uintptr_t>(to), n);
        data = data.subspan(n);
        ipa += n;
    }
    invalidate_instruction_caches();
    return true;
}

void GuestRam::reset() {
    for (auto& e : extents_)
        e = 0;
    zero_pages(root_.value, geometry_->root_bytes());
    dsb_ish();
    asm volatile("tlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory");
}

} // namespace twofold::hyp
