// SPDX-License-Identifier: MIT
// The checker of a checked build: its memory, and what it prints.
#include "port/guest_tables.hpp"
#include "runtime/panic.hpp"
#include "runtime/print.hpp"

#include <array>
#include <span>
#include <string_view>

namespace twofold::hyp {

namespace {

// For some ten thousand tables, and as many entries that wait for their invalidation.
constexpr std::uint64_t arena_bytes = 16 * MiB;

std::string_view name_of(model::EventKind kind) {
    constexpr std::array<std::string_view, 18> names = {
        "store",    "publish",  "exchange", "clear bits",    "compare and exchange",
        "hardware", "adopt",    "allocate", "free",          "retire",
        "barrier",  "tlbi",     "context",  "section begin", "section end",
        "settled",  "all done", "teardown"};
    const auto index = static_cast<std::size_t>(kind);
    return index < names.size() ? names[index] : "unknown";
}

void print_event(std::uint64_t number, const model::Event& event) {
    switch (event.kind) {
    case model::EventKind::barrier:
        print("checker:   {} CPU {} barrier {}\n", number, event.cpu, event.barrier);
        return;
    case model::EventKind::tlbi:
        print("checker:   {} CPU {} tlbi {}{}{}{} operand {:#x}\n", number, event.cpu,
              event.tlbi.kind, event.tlbi.last_level ? " last level" : "",
              event.tlbi.scope == InvalidationScope::local ? " local" : "",
              event.tlbi.nxs ? " nXS" : "", event.tlbi.operand);
        return;
    default:
        print("checker:   {} CPU {} {} at {:#x}: {:#x} -> {:#x}\n", number, event.cpu,
              name_of(event.kind), event.address, event.before, event.after);
        return;
    }
}

} // namespace

std::optional<std::uint64_t> CheckedTables::Memory::load(Pa pa) const {
    return __atomic_load_n(reinterpret_cast<std::uint64_t*>(pa.value), __ATOMIC_ACQUIRE);
}

std::optional<std::uint64_t> CheckedTables::Memory::compare_exchange(Pa pa, std::uint64_t expected,
                                                                     std::uint64_t desired) const {
    __atomic_compare_exchange_n(reinterpret_cast<std::uint64_t*>(pa.value), &expected, desired,
                                false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return expected;
}

void CheckedTables::Receiver::operator()(const model::Report& report) const {
    print("checker: {} ({}) at event {}: IPA {:#x} level {}, entry {:#x}: {:#x} -> {:#x}\n",
          to_string(report.rule), to_string(report.cause), report.number, report.ipa, report.level,
          report.entry, report.before, report.after);
    print_event(report.number, report.event);
    print("checker: before that, of this entry:\n");
    for (const model::NumberedEvent& earlier : report.history)
        print_event(earlier.number, earlier.event);
    panic("the checker reports {}\n", to_string(report.rule));
}

bool CheckedTables::init(El2Port& port, MemoryPool& pool, const Geometry& geometry,
                         const CpuFeatures& features, unsigned vmid) {
    const auto arena = pool.allocate(arena_bytes);
    if (!arena)
        return false;
    model::CheckerConfig config = model::CheckerConfig::of(geometry, features, vmid);
    config.publish_needs_mark = true;
    model::Checker& checker =
        checker_.make(config, model::MemoryRef{memory_},
                      std::span{reinterpret_cast<std::byte*>(arena->value), arena_bytes},
                      model::ReportRef{receiver_});
    port_.make(port, checker);
    return true;
}

std::optional<CheckCounts> CheckedTables::counts() const {
    return CheckCounts{
        .events = checker_->events(), .reports = checker_->reports(), .tables = checker_->pages()};
}

} // namespace twofold::hyp
