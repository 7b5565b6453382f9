// SPDX-License-Identifier: MIT
// GuestTables: the port through which the library works on a guest's tables. It is El2Port, or, in
// a checked build, El2Port under a checker that hears of every step of every CPU; the choice is a
// type, so that one build costs the other nothing.
#pragma once

#include "port/el2_port.hpp"
#include "runtime/static_storage.hpp"

#include <twofold/arch.hpp>
#include <twofold/model/checked_port.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>

namespace twofold::hyp {

// What a checker has seen until now.
struct CheckCounts {
    std::uint64_t events = 0;
    std::uint64_t reports = 0;
    std::uint64_t tables = 0; // pages of tables that it knows
};

class PlainTables {
public:
    using Port = El2Port;

    // False: no memory.
    bool init(El2Port& port, MemoryPool&, const Geometry&, const CpuFeatures&, unsigned) {
        port_ = &port;
        return true;
    }
    Port& port() { return *port_; }
    void context(Vtcr, Vttbr) {}
    void settled() {}
    static std::optional<CheckCounts> counts() { return std::nullopt; }

private:
    El2Port* port_ = nullptr;
};

class CheckedTables {
public:
    using Port = model::CheckedPort<El2Port>;

    bool init(El2Port& port, MemoryPool& pool, const Geometry& geometry,
              const CpuFeatures& features, unsigned vmid);
    Port& port() { return *port_; }
    // The calling CPU has these registers from now on.
    void context(Vtcr vtcr, Vttbr vttbr) { port_->context(vtcr.value, vttbr.value); }
    // Nothing is owed for what the calling CPU has changed.
    void settled() { port_->settled(); }
    std::optional<CheckCounts> counts() const;

private:
    // Tables where they are, as the checker reads them.
    struct Memory {
        std::optional<std::uint64_t> load(Pa pa) const;
        std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                      std::uint64_t desired) const;
    };
    // Prints a report and stops the machine: what comes after it means nothing.
    struct Receiver {
        [[noreturn]] void operator()(const model::Report& report) const;
    };

    Memory memory_;
    Receiver receiver_;
    StaticStorage<model::Checker> checker_;
    StaticStorage<Port> port_;
};

inline constexpr bool checked_build = TWOFOLD_CHECKED;
using GuestTables = std::conditional_t<checked_build, CheckedTables, PlainTables>;

static_assert(GuestPort<PlainTables::Port> && GuestPort<CheckedTables::Port>);

} // namespace twofold::hyp
