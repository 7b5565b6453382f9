// SPDX-License-Identifier: MIT
// Scene: a checker with a table in sparse memory, played by hand: each call is one event of a CPU.
// 4K granule, 39-bit IPAs: the root is of level 1, at `root`. Descriptors and operands are spelled
// out by the manual's bit numbers.
#pragma once

#include "sparse_memory.hpp"

#include <twofold/model/checker.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold::model::testing {

// [5:2] MemAttr 0110 (FWB), [7:6] S2AP, [9:8] SH 11, [10] AF
inline constexpr std::uint64_t page_rw = 0x7db;
inline constexpr std::uint64_t page_ro = 0x75b;
inline constexpr std::uint64_t block_rw = 0x7d9;
inline constexpr std::uint64_t af = 1ULL << 10;
inline constexpr std::uint64_t contiguous = 1ULL << 52;
inline constexpr std::uint64_t broken = 2;

// TLBI IPAS2: [39:0] IPA[51:12], [47:44] TTL: 01 4K, then the level.
constexpr std::uint64_t by_ipa(std::uint64_t ipa) { return ipa >> 12; }
constexpr std::uint64_t by_ipa(std::uint64_t ipa, unsigned level) {
    return ipa >> 12 | (4ULL | level) << 44;
}
// TLBI RIPAS2: [36:0] BaseADDR, [38:37] TTL, [43:39] NUM, [45:44] SCALE, [47:46] TG.
constexpr std::uint64_t by_range(std::uint64_t ipa, unsigned num, unsigned scale,
                                 unsigned level = 0) {
    return ipa >> 12 | std::uint64_t{level} << 37 | std::uint64_t{num} << 39 |
           std::uint64_t{scale} << 44 | 1ULL << 46;
}

class Scene {
public:
    static constexpr std::uint64_t root = 0x4000'0000;
    static constexpr std::uint64_t level2 = 0x4000'1000; // maps IPA 0..1 GiB
    static constexpr std::uint64_t level3 = 0x4000'2000; // maps IPA 0..2 MiB
    static constexpr std::uint64_t spare = 0x4000'3000;

    explicit Scene(unsigned bbm = 0, std::size_t arena = 1 << 20)
        : arena_(arena),
          checker{config(bbm), MemoryRef{memory}, arena_, ReportRef{*this}} {
        allocate(root);
        // VTCR.VS = 1; VTTBR: VMID 1 and the root
        tell(Event::context(0, 1 << 19, 1ULL << 48 | root));
    }
    Scene(const Scene&) = delete;

    void operator()(const Report& report) {
        found.push_back(
            std::string{to_string(report.rule)} +
            (report.cause == Cause::none ? "" : std::string{" "} + to_string(report.cause)));
        last = report;
    }

    void link_pages() {
        allocate(level2);
        allocate(level3);
        store(level2, 0, level3 | 3);
        publish(root, 0, level2 | 3);
        dsb_ishst();
    }

    void change(EventKind kind, std::uint64_t table, unsigned index, std::uint64_t after,
                unsigned cpu = 0) {
        const std::uint64_t address = table + 8ULL * index;
        const std::uint64_t before = memory.at(address);
        memory.set(address, after);
        tell(Event::change(kind, cpu, Pa{address}, before, after));
    }
    void store(std::uint64_t table, unsigned index, std::uint64_t after) {
        change(EventKind::store, table, index, after);
    }
    void publish(std::uint64_t table, unsigned index, std::uint64_t after, unsigned cpu = 0) {
        change(EventKind::publish, table, index, after, cpu);
    }
    void exchange(std::uint64_t table, unsigned index, std::uint64_t after, unsigned cpu = 0) {
        change(EventKind::exchange, table, index, after, cpu);
    }
    void hardware(std::uint64_t table, unsigned index, std::uint64_t after) {
        change(EventKind::hardware_update, table, index, after);
    }
    void allocate(std::uint64_t pa, unsigned cpu = 0) {
        for (std::uint64_t at = pa; at < pa + 4096; at += 8) {
            memory.set(at, 0);
        }
        tell(Event::memory(EventKind::allocate, cpu, Pa{pa}, 4096));
    }
    void free(std::uint64_t pa, unsigned cpu = 0) {
        tell(Event::memory(EventKind::free, cpu, Pa{pa}, 4096));
    }
    void retire(std::uint64_t pa, unsigned cpu = 0) {
        tell(Event::memory(EventKind::retire, cpu, Pa{pa}, 4096));
    }
    void barrier(Barrier barrier, unsigned cpu = 0) { tell(Event::of(cpu, barrier)); }
    void dsb_ishst(unsigned cpu = 0) { barrier(Barrier::dsb_ishst, cpu); }
    void dsb_ish(unsigned cpu = 0) { barrier(Barrier::dsb_ish, cpu); }
    void tlbi(const TlbiOperation& operation, unsigned cpu = 0) { tell(Event::of(cpu, operation)); }
    void ipas2(std::uint64_t operand, bool last_level = true, unsigned cpu = 0) {
        tlbi({.kind = TlbiKind::ipas2, .last_level = last_level, .operand = operand}, cpu);
    }
    void ripas2(std::uint64_t operand, bool last_level = true, unsigned cpu = 0) {
        tlbi({.kind = TlbiKind::ripas2, .last_level = last_level, .operand = operand}, cpu);
    }
    void vmalle1(unsigned cpu = 0) { tlbi({.kind = TlbiKind::vmalle1}, cpu); }
    void vmalls12(unsigned cpu = 0) { tlbi({.kind = TlbiKind::vmalls12}, cpu); }
    // Of what a stage-2 TLBI has begun: the rest.
    void complete(unsigned cpu = 0) {
        dsb_ish(cpu);
        vmalle1(cpu);
        dsb_ish(cpu);
        barrier(Barrier::isb, cpu);
    }
    void mark(EventKind kind, unsigned cpu = 0) { tell(Event::mark(kind, cpu)); }
    void settled(unsigned cpu = 0) { mark(EventKind::settled, cpu); }

    using Found = std::vector<std::string>;
    Found found = {};
    Report last = {};
    SparseMemory memory = {};

private:
    void tell(const Event& event) { checker.on(event); }
    static CheckerConfig config(unsigned bbm) {
        CpuFeatures f;
        f.pa_bits = 40;
        f.granule_4k = f.xnx = f.fwb = f.ttl = f.tlbi_range = f.xs = true;
        f.access_flag = f.dirty_state = true;
        f.bbm = bbm;
        return CheckerConfig::of(*Geometry::make(f, {.granule = Granule::k4, .ipa_bits = 39}), f);
    }

    std::vector<std::byte> arena_;

public:
    Checker checker;
};

} // namespace twofold::model::testing
