// SPDX-License-Identifier: MIT
// El2Port: how the library reaches table memory, TLBs and caches on this machine. EL2 maps memory
// at its physical address.
#pragma once

#include "cpu/per_cpu.hpp"
#include "cpu/spinlock.hpp"
#include "memory/table_pages.hpp"
#include "port/limbo.hpp"
#include "port/maintenance.hpp"
#include "port/quiescence.hpp"
#include "trace/trace_buffer.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/size_change.hpp>
#include <twofold/table/store_series.hpp>
#include <twofold/vm/guest_port.hpp>

#include <cstdint>
#include <optional>

namespace twofold::hyp {

// Descriptors of one table, or of concatenated ones.
class El2Table {
public:
    explicit El2Table(Pa table) : entries_{reinterpret_cast<std::uint64_t*>(table.value)} {}

    std::uint64_t load(unsigned index) const {
        return __atomic_load_n(&entries_[index], __ATOMIC_ACQUIRE);
    }
    void store(unsigned index, std::uint64_t value) const {
        __atomic_store_n(&entries_[index], value, __ATOMIC_RELAXED);
    }
    void store_series(unsigned first, unsigned count, std::uint64_t value,
                      std::uint64_t step) const {
        twofold::store_series(&entries_[first], count, value, step);
    }
    void publish(unsigned index, std::uint64_t value) const {
        __atomic_store_n(&entries_[index], value, __ATOMIC_RELEASE);
    }
    std::uint64_t exchange(unsigned index, std::uint64_t value) const {
        return __atomic_exchange_n(&entries_[index], value, __ATOMIC_ACQ_REL);
    }
    std::uint64_t clear_bits(unsigned index, std::uint64_t mask) const {
        return __atomic_fetch_and(&entries_[index], ~mask, __ATOMIC_ACQ_REL);
    }
    std::uint64_t set_bits(unsigned index, std::uint64_t mask) const {
        return __atomic_fetch_or(&entries_[index], mask, __ATOMIC_ACQ_REL);
    }
    bool compare_exchange(unsigned index, std::uint64_t old, std::uint64_t value) const {
        return __atomic_compare_exchange_n(&entries_[index], &old, value, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE);
    }

private:
    std::uint64_t* entries_;
};

using CpuQuiescence = Quiescence<max_cpus>;

class El2Port {
public:
    // TLBIs act on the VMID in VTTBR_EL2, so every call comes from a CPU that has this guest's.
    El2Port(TablePages& pages, CpuQuiescence& quiescence, const Geometry& geometry,
            const CpuFeatures& features)
        : pages_{pages},
          quiescence_{quiescence},
          geometry_{geometry},
          features_{features} {}

    El2Table table(Pa pa) const { return El2Table{pa}; }
    std::optional<Pa> allocate(std::uint64_t bytes);
    void free(Pa pa, std::uint64_t bytes) { pages_.free(pa, bytes); }
    void retire(Pa pa, std::uint64_t bytes);
    // A section is the time between an exception from the guest and the return to it, of which
    // `quiescence` knows.
    struct Section {};
    Section section() const { return {}; }
    // In line, as a fault knows which it wants.
    [[gnu::always_inline]] void barrier(Barrier barrier) {
        execute(barrier);
        if (barrier != Barrier::isb)
            ++this_cpu().counters.invalidations.dsb;
    }
    [[gnu::always_inline]] void tlbi(const TlbiOperation& operation) {
        ++counter_of(this_cpu().counters.invalidations, operation.kind);
        execute(operation);
        tell(operation);
    }
    void note(const SizeChange& change) { tell(change); }
    void clean_dcache(Pa pa, std::uint64_t bytes);
    void invalidate_icache(Pa pa, std::uint64_t bytes);
    void relax() const { cpu_relax(); }

    static unsigned cpu() { return this_cpu().index; }
    // Table memory that no CPU may look at any more, up to so many blocks; whether there was any.
    bool release(unsigned most);
    std::uint64_t bytes_in_limbo() const { return limbo_.bytes(); }

private:
    template <typename Happened>
    static void tell([[maybe_unused]] const Happened& what) {
        if constexpr (traced_build) {
            if (TraceBuffer* const trace = this_cpu().trace; trace != nullptr)
                trace->put(what);
        }
    }
    static std::uint64_t& counter_of(InvalidationCounters& counters, TlbiKind kind) {
        switch (kind) {
        case TlbiKind::ipas2:
            return counters.by_ipa;
        case TlbiKind::ripas2:
            return counters.by_range;
        case TlbiKind::vmalle1:
            return counters.stage1;
        case TlbiKind::vmalls12:
            return counters.whole_vmid;
        }
        __builtin_unreachable();
    }

    TablePages& pages_;
    CpuQuiescence& quiescence_;
    Limbo limbo_;
    Geometry geometry_;
    CpuFeatures features_;
};

static_assert(GuestPort<El2Port>);

} // namespace twofold::hyp
