// SPDX-License-Identifier: MIT
// Checker: follows every change of one stage-2 table, and every barrier and TLBI, as an adversary
// that keeps in a TLB what a TLB may keep. What breaks a rule of the architecture is reported at
// the event that breaks it.
//
// For each entry it keeps the values that a TLB may still have, and how far their removal has come:
//
//   store -> DSB -> TLBI by IPA, range or VMID -> DSB -> TLBI VMALLE1 -> DSB -> forgotten
//
// The stores count for the DSBs of the CPU that made them, and each TLBI for those of the CPU that
// issued it. A store costs constant time, a TLBI time in proportion to what is not yet forgotten,
// linking or unlinking a subtree time in proportion to its size.
//
// It takes no memory but the arena. Where that is too small it reports out_of_memory and goes on
// with what it has. Calls exclude each other.
#pragma once

#include <twofold/model/arena.hpp>
#include <twofold/model/cached_value.hpp>
#include <twofold/model/checker_config.hpp>
#include <twofold/model/checker_state.hpp>
#include <twofold/model/event.hpp>
#include <twofold/model/memory.hpp>
#include <twofold/model/report.hpp>
#include <twofold/model/tlbi_cover.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace twofold::model {

class Checker {
public:
    static constexpr unsigned max_cpus = 64;

    // `memory`: where the tables are; an event that changes an entry comes after its change there.
    // All CPUs have the guest's VMID until a context event says otherwise. The first context with
    // it says where the root is.
    Checker(const CheckerConfig& config, MemoryRef memory, std::span<std::byte> arena,
            ReportRef receiver = {});

    void on(const Event& event);

    [[nodiscard]] const CheckerConfig& config() const { return config_; }
    [[nodiscard]] std::uint64_t events() const { return number_; }
    [[nodiscard]] std::uint64_t reports() const { return reports_; }
    [[nodiscard]] std::uint64_t reports(Rule rule) const {
        return by_rule_[static_cast<unsigned>(rule)];
    }
    // Old values that a TLB may still have, and table pages: what the arena has to hold.
    [[nodiscard]] std::size_t old_values() const { return old_.count(); }
    [[nodiscard]] std::size_t pages() const { return pages_.count(); }

private:
    // An entry of a table page.
    struct At {
        std::uint32_t page = no_index;
        unsigned index = 0;
        int level = 0;
        std::uint64_t address = 0;
        std::uint64_t ipa = 0;
        std::uint64_t size = 0; // of what it translates
    };

    // checker.cpp: events in general
    void barrier(const Event& event);
    void context(const Event& event);
    void section_begin(CheckedCpu& cpu);
    void section_end(const Event& event, CheckedCpu& cpu);
    void settle(const Event& event, bool all_cpus);
    void teardown();
    void report(Rule rule, const At& at, std::uint64_t before, std::uint64_t after,
                Cause cause = Cause::none);
    [[nodiscard]] At at(std::uint32_t page, unsigned index) const;
    [[nodiscard]] std::uint64_t load(std::uint64_t address) const;
    [[nodiscard]] CheckedCpu& cpu() { return cpus_[event_.cpu]; }

    // checker_entry.cpp: one entry changes
    void change(const Event& event);
    void adopt(const At& entry, std::uint64_t before, std::uint64_t after);
    void change_reachable(const At& entry, const Event& event, bool live);
    void check_store(const At& entry, const Event& event);
    void check_in_place(const At& entry, std::uint64_t before, std::uint64_t after);
    [[nodiscard]] bool gives(int level, std::uint64_t before, std::uint64_t after) const;
    void check_format(const At& entry, std::uint64_t value);
    void check_leaf_format(const At& entry, std::uint64_t value);
    void check_hardware_update(const At& entry, const Event& event);
    void check_old_values(const At& entry, std::uint64_t after);
    void check_above(const At& entry, std::uint64_t after);
    void require(OldValue& old, Need need);
    [[nodiscard]] bool tolerates(const At& entry, const OldValue& old, std::uint64_t after);

    // checker_old.cpp: what a TLB may have
    std::uint32_t add_old(const At& entry, std::uint64_t before, std::uint64_t after);
    void drop_old(std::uint32_t index);
    [[nodiscard]] Need need(int level, std::uint64_t before, std::uint64_t after) const;
    [[nodiscard]] bool complete(const OldValue& old) const;
    // Forgets it if its invalidation is complete.
    bool forget(std::uint32_t index);
    [[nodiscard]] Cause cause(const OldValue& old) const;
    [[nodiscard]] At at(const OldValue& old) const;
    template <class Visit>
    void for_each_old(Visit&& visit);

    // checker_tlbi.cpp
    void tlbi(const Event& event);
    void invalidate(const TlbiCover& cover, std::uint32_t index);
    void invalidate_combined(const TlbiCover& cover, OldValue& old);
    [[nodiscard]] Cause misses(const TlbiCover& cover, const OldValue& old);
    [[nodiscard]] bool run_still_marked(const OldValue& old);
    void cover_table(const TlbiCover& cover, OldValue& old, std::uint64_t from, std::uint64_t to);
    [[nodiscard]] bool visible(const OldValue& old, bool local) const;

    // checker_tables.cpp: tables come and go
    void link(const At& entry, std::uint64_t table, std::uint32_t record);
    void enter(std::uint32_t page, std::uint32_t record);
    void detach(const At& entry, std::uint64_t table, std::uint32_t record);
    void fold(OldValue& into, std::uint32_t page);
    void allocate(const Event& event);
    void give_back(const Event& event, bool retire);
    void give_back(std::uint32_t page, const Event& event, bool retire);
    void forget_page(std::uint32_t page);
    void attach(std::uint64_t root);
    [[nodiscard]] std::uint32_t page_of(std::uint64_t address) const;
    [[nodiscard]] unsigned entries(const TablePage& page) const;
    [[nodiscard]] bool in_section_since(std::uint64_t event) const;
    // Whether the leaf `block` of `level` and the table say the same of each address.
    [[nodiscard]] bool same_translation(std::uint64_t block, int level, std::uint64_t table) const;
    [[nodiscard]] std::uint64_t first_leaf_as_block(std::uint64_t table, int level) const;

    // checker_runs.cpp: contiguous runs
    void count_marked(const At& entry, std::uint64_t before, std::uint64_t after);
    void check_run(const At& entry, bool at_once);
    void open_run(const At& first, bool incomplete);
    void close_runs(std::uint8_t cpu, bool all_cpus, bool settled);
    enum class RunState : std::uint8_t { none, even, uneven, incomplete, mismatch };
    struct Run {
        RunState state = RunState::none;
        unsigned entry = 0; // the first that is not as the others
        std::uint64_t value = 0;
        std::uint64_t other = 0;
    };
    [[nodiscard]] Run look_at_run(const At& first) const;

    CheckerConfig config_;
    CachedValues values_;
    MemoryRef memory_;
    ReportRef receiver_;
    Arena arena_;
    std::span<NumberedEvent> history_;
    KeyedPool<TablePage> pages_;
    KeyedPool<OldValue> old_;
    std::uint32_t first_with_old_ = no_index;
    std::uint64_t root_ = 0;
    bool attached_ = false;
    Event event_ = {}; // the one at hand
    std::uint64_t number_ = 0;
    std::uint64_t reports_ = 0;
    std::array<std::uint64_t, rule_count> by_rule_ = {};
    std::array<CheckedCpu, max_cpus> cpus_ = {};
    std::array<OpenRun, 32> open_runs_ = {};
    unsigned open_run_count_ = 0;
};

// Visits may forget the value they are called with, and no other.
template <class Visit>
void Checker::for_each_old(Visit&& visit) {
    for (std::uint32_t page = first_with_old_; page != no_index;) {
        const std::uint32_t next_page = pages_[page].next_with_old;
        for (std::uint32_t old = pages_[page].first_old; old != no_index;) {
            const std::uint32_t next = old_[old].next_in_page;
            visit(old);
            old = next;
        }
        page = next_page;
    }
}

} // namespace twofold::model
