// SPDX-License-Identifier: MIT
// GuestRam: a guest's memory as the hypervisor uses it - one slot of the library's GuestMemory, its
// backing, and the registers of stage 2.
#pragma once

#include "boot/configuration.hpp"
#include "cpu/per_cpu.hpp"
#include "cpu/spinlock.hpp"
#include "guest/ram_backing.hpp"
#include "guest/vcpu.hpp"
#include "memory/pool.hpp"
#include "memory/table_pages.hpp"
#include "port/el2_port.hpp"
#include "port/guest_tables.hpp"
#include "runtime/static_storage.hpp"

#include <twofold/arch.hpp>
#include <twofold/vm/guest_memory.hpp>
#include <twofold/vm/idle_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace twofold::hyp {

class GuestRam {
public:
    using Memory = GuestMemory<GuestTables::Port, Spinlock>;

    constexpr GuestRam() = default;

    // The error is a line for a person.
    std::expected<void, std::string_view> init(const GuestConfiguration& configuration,
                                               const CpuFeatures& features, unsigned vmid,
                                               MemoryPool& pool);

    // VTCR_EL2 and VTTBR_EL2 of the calling CPU.
    void activate();

    // The CPU of this vCPU comes from its guest and may look at tables; it goes back, or waits.
    void enter(unsigned vcpu) { quiescence_.enter(vcpu); }
    void leave(unsigned vcpu) { quiescence_.leave(vcpu); }

    Resolution handle(const Abort& abort, unsigned vcpu);
    // The short way of a plain access, as GuestMemory::resolve().
    [[gnu::always_inline]] bool resolve(const MemoryAccess& access, unsigned vcpu) {
        const bool resolved = memory_->resolve(access, contexts_[vcpu]);
        tables_.settled();
        return resolved;
    }
    bool write(Ipa ipa, std::span<const std::byte> data);
    std::optional<std::uint64_t> peek(Ipa ipa) { return backing_.peek(ipa - base_); }
    // As at the beginning: nothing is mapped, nothing is backed.
    void reset();

    bool contains(Ipa ipa) const { return ipa >= base_ && ipa - base_ < backing_.size(); }
    bool fwb() const { return features_.fwb; }
    unsigned ipa_bits() const { return memory_->geometry().ipa_bits(); }

    Memory& memory() { return *memory_; }
    const CpuFeatures& features() const { return features_; }
    Vtcr vtcr() const { return vtcr_; }
    RamBacking& backing() { return backing_; }
    const RamBacking& backing() const { return backing_; }
    // The slot.
    IpaSpan range() const { return {.start = base_, .length = backing_.size()}; }
    // Of this CPU's vCPU, for what is done on it between faults.
    FaultContext& context() { return contexts_[this_cpu().vcpu->index]; }
    IdleMap& idle() { return *idle_; }
    // After every change of the table that does not come through handle().
    void settled() { tables_.settled(); }
    const TablePages& table_pages() const { return pages_; }
    // Of a checked build.
    std::optional<CheckCounts> checks() const { return tables_.counts(); }

private:
    // What has an age of its own; a multiple of every granule.
    static constexpr std::uint64_t idle_unit = 64 * KiB;

    // Null: no memory.
    DirtyBitmap* make_bitmap(std::uint64_t pages, MemoryPool& pool);
    bool make_idle_map(const IpaSpan& slot, MemoryPool& pool);

    // In lines of their own, so first.
    std::array<FaultContext, max_cpus> contexts_{};
    CpuQuiescence quiescence_;
    StaticStorage<Memory> memory_;
    GuestTables tables_;
    Ipa base_;
    Vtcr vtcr_;
    Vttbr vttbr_;
    TablePages pages_;
    RamBacking backing_;
    StaticStorage<DirtyBitmap> dirty_;
    StaticStorage<IdleMap> idle_;
    StaticStorage<El2Port> port_;
    std::array<Slot, 8> slots_{}; // in two versions
    CpuFeatures features_;
};

} // namespace twofold::hyp
