// SPDX-License-Identifier: MIT
// Adversary: a HostPort under the checker. The engine gets port(), and what the checker finds wrong
// is a failure.
#pragma once

#include "geometries.hpp"
#include "host_port.hpp"

#include <twofold/model/checked_port.hpp>
#include <twofold/model/checker.hpp>

#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace twofold::test {

using TestPort = model::CheckedPort<HostPort>;
static_assert(TablePort<TestPort>);

inline std::string to_string(const model::Event& e) {
    static constexpr const char* kinds[] = {
        "store",           "publish",  "exchange", "clear_bits",    "compare_exchange",
        "hardware_update", "adopt",    "allocate", "free",          "retire",
        "barrier",         "tlbi",     "context",  "section_begin", "section_end",
        "settled",         "all_done", "teardown"};
    static constexpr const char* barriers[] = {"dsb ishst",   "dsb nshst",   "dsb ish", "dsb nsh",
                                               "dsb ish nxs", "dsb nsh nxs", "isb"};
    static constexpr const char* tlbis[] = {"ipas2", "ripas2", "vmalle1", "vmalls12"};
    std::ostringstream out;
    out << "cpu " << unsigned{e.cpu} << ' ' << kinds[static_cast<unsigned>(e.kind)] << std::hex;
    if (e.kind == model::EventKind::barrier) {
        out << ' ' << barriers[static_cast<unsigned>(e.barrier)];
    } else if (e.kind == model::EventKind::tlbi) {
        out << ' ' << tlbis[static_cast<unsigned>(e.tlbi.kind)]
            << (e.tlbi.last_level ? " last level" : "")
            << (e.tlbi.scope == InvalidationScope::local ? " local" : "") << " 0x"
            << e.tlbi.operand;
    } else {
        out << " 0x" << e.address << ": 0x" << e.before << " -> 0x" << e.after;
    }
    return out.str();
}

inline std::string to_string(const model::Report& r) {
    std::ostringstream out;
    out << "event " << r.number << ": " << model::to_string(r.rule);
    if (r.cause != model::Cause::none) {
        out << " (" << model::to_string(r.cause) << ')';
    }
    out << std::hex << " at ipa 0x" << r.ipa << " level " << std::dec << r.level << std::hex
        << ", entry 0x" << r.entry << ": 0x" << r.before << " -> 0x" << r.after;
    for (const model::NumberedEvent& e : r.history) {
        out << "\n    " << std::dec << e.number << "  " << to_string(e.event);
    }
    return out.str();
}

class Adversary {
public:
    Adversary(HostPort& port, const Geometry& geometry, const CpuFeatures& features)
        : memory_{HostPort::map_zero_pages(arena), HostPort::Unmap{arena}},
          checker_{config(geometry, features), model::MemoryRef{port},
                   std::span{reinterpret_cast<std::byte*>(memory_.get()), arena},
                   model::ReportRef{*this}},
          port_{port, checker_},
          vtcr_{geometry.vtcr({.vmid16 = features.vmid16}).value},
          wide_vmid_{features.vmid16} {}
    Adversary(const Adversary&) = delete;
    Adversary& operator=(const Adversary&) = delete;

    TestPort& port() { return port_; }
    // The table is in use from now on.
    void start(Pa root) {
        const Geometry& geometry = checker_.config().geometry;
        port_.context(vtcr_, Vttbr::make(geometry, root, 1, wide_vmid_)->value);
    }
    // Nothing is owed: what is cached is what is in the tables.
    void expect_clean() { port_.settled(); }
    // The table is not in use any more.
    void stop() { port_.teardown(); }

    const model::Checker& checker() const { return checker_; }
    // The first few.
    const std::vector<std::string>& failures() const { return failures_; }
    void operator()(const model::Report& report) {
        if (failures_.size() < 5) {
            failures_.push_back(to_string(report));
        }
    }

private:
    static model::CheckerConfig config(const Geometry& geometry, const CpuFeatures& features) {
        model::CheckerConfig all = model::CheckerConfig::of(geometry, features);
        all.publish_needs_mark = true;
        return all;
    }

    // Of zero pages, of which few are ever touched.
    static constexpr std::size_t arena = 32 * MiB;

    std::unique_ptr<std::uint64_t[], HostPort::Unmap> memory_;
    std::vector<std::string> failures_ = {};
    model::Checker checker_;
    TestPort port_;
    std::uint64_t vtcr_;
    bool wide_vmid_;
};

} // namespace twofold::test
