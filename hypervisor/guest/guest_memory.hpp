// SPDX-License-Identifier: MIT
// GuestMemory: scaffolding
#pragma once

#include "boot/configuration.hpp"
#include "memory/pool.hpp"

#include <twofold/arch.hpp>
#include <twofold/vm/resolution.hpp>

#include <cstddef>
#include <optional>
#include <span>

namespace twofold::hyp {

class GuestRam {
public:
    constexpr GuestRam() = default;
    bool init(const Configuration& configuration, const CpuFeatures& features, MemoryPool& pool);
    void activate() const;
    Resolution handle(const Abort& abort);
    bool write(Ipa ipa, std::span<const std::byte> data);
    void reset();
    bool fwb() const { return fwb_; }
    unsigned ipa_bits() const { return geometry_->ipa_bits(); }

private:
    std::optional<Pa> extent(std::uint64_t n);
    Spinlock lock_;
    std::optional<Geometry> geometry_;
    MemoryPool* pool_ = nullptr;
    bool fwb_ = false;
    Ipa base_;
    std::uint64_t size_ = 0;
    Pa root_;
    std::uint64_t extents_[64] = {};
    std::uint64_t attributes_ = 0;
    std::uint64_t vtcr_ = 0;
    std::uint64_t vttbr_ = 0;
};

} // namespace twofold::hyp
