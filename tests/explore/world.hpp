// SPDX-License-Identifier: MIT
// World: what the CPUs of an exploration share - table memory, its pages, the TLBs - and the rules
// that hold at every step.
//
// Each access goes through access() first. There the scheduler may let another CPU go on, if the
// access can be told from another order of events at all: it touches what more than one CPU touches
// (and some write), or what a watched translation depends on. Which entries those are is learned:
// an access that makes an entry shared asks for the search to begin anew.
#pragma once

#include "fibers.hpp"
#include "step.hpp"
#include "watched_tlb.hpp"

#include <twofold/arch/address.hpp>
#include <twofold/arch/tlbi_operation.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace twofold::test {

class World {
public:
    static constexpr Pa base{0x8'4000'0000};

    // `pages_each`: tables that each CPU can allocate in one run; the set-up, too.
    World(unsigned cpus, unsigned page_bits, unsigned pages_each);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // A run: everything as in the beginning, the set-up to follow. What is done until go() is not
    // scheduled and not judged.
    void begin();
    void go(const WalkShape& shape, const std::vector<std::uint64_t>& ipas);
    // All have finished. No memory may be lost.
    void finish();

    // For the port.
    std::uint64_t load(Pa table, unsigned index);
    void store(Pa table, unsigned index, std::uint64_t value);
    void publish(Pa table, unsigned index, std::uint64_t value);
    std::uint64_t exchange(Pa table, unsigned index, std::uint64_t value);
    std::uint64_t clear_bits(Pa table, unsigned index, std::uint64_t mask);
    std::uint64_t set_bits(Pa table, unsigned index, std::uint64_t mask);
    bool compare_exchange(Pa table, unsigned index, std::uint64_t before, std::uint64_t after);
    std::optional<Pa> allocate(std::uint64_t bytes);
    void free(Pa pa, std::uint64_t bytes);
    void retire(Pa pa, std::uint64_t bytes);
    void enter_section();
    void leave_section();
    void barrier(Barrier kind);
    void tlbi(const TlbiOperation& operation);
    // Before the engine touches what it keeps beside the tables.
    void shared_step();

    // For the programs of the CPUs.
    void begin_operation(const char* name);
    void end_operation(const char* name, std::uint64_t result);
    // The calling CPU has discharged all that it owed.
    void settled();
    // Hardware: the next step of a walk. Nothing: an invalidation made the walk start again.
    std::optional<std::uint64_t> hardware_load(std::uint64_t ipa, std::uint64_t table, int level,
                                               unsigned index);
    bool hardware_update(std::uint64_t ipa, std::uint64_t table, int level, unsigned index,
                         std::uint64_t before, std::uint64_t after);

    // The CPU that calls does not come back, so `what` must not own memory any more.
    void report(std::string&& what);
    void report(const char* what) { report(std::string{what}); }
    bool failed() const { return !failure_.empty(); }
    const std::string& failure() const { return failure_; }
    // What has happened in this run, if it was to be told.
    void tell_story(bool told) { telling_ = told; }
    std::string story() const;

    Fibers& fibers() { return fibers_; }
    // What the engine keeps beside the tables, as a hash.
    void set_engine_state(std::function<std::uint64_t()> state) {
        engine_state_ = std::move(state);
    }
    // What the memory, the TLBs and all CPUs know.
    std::uint64_t state() const;
    // An entry has become shared since learn().
    bool learned() const { return learned_; }
    void learn();
    // A bound: in each table, others go on before an access to these entries only. Empty: to any.
    // Entries that are alike are walked over by loops, so a few of them stand for the rest.
    void stop_only_at(const std::vector<unsigned>& entries);
    std::uint64_t steps(unsigned cpu) const { return cpus_[cpu].steps; }
    void limit_steps(std::uint64_t limit) { step_limit_ = limit; }

    // What memory says, for judges.
    std::uint64_t peek(std::uint64_t address) const { return words_[word_at(address)]; }
    const WalkShape& shape() const { return shape_; }

private:
    enum class PageState : std::uint8_t { unused, live, retired, free };
    struct Page {
        PageState state = PageState::unused;
        bool linked = false;      // an entry that walkers reach has pointed to it
        std::uint8_t held_by = 0; // retired: the sections that were running
        unsigned pages = 0;       // of the allocation that begins here
    };
    // Who goes to a table that somebody else gives back lets others go on before.
    struct PageSharing {
        std::uint8_t readers = 0;
        std::uint8_t retirers = 0;
        std::uint8_t points = 0; // for these CPUs; as of the last learn()
        std::uint8_t shared() const {
            const bool several = (retirers & (retirers - 1)) != 0;
            return static_cast<std::uint8_t>(retirers == 0 ? 0
                                             : several     ? readers
                                                           : readers & ~retirers);
        }
    };
    struct Cpu {
        std::uint64_t seen = 0; // everything it has found out
        std::uint64_t steps = 0;
        unsigned sections = 0;
        unsigned allocated = 0;
        std::size_t page = ~std::size_t{0}; // where it was last
    };
    struct Sharing {
        std::uint8_t readers = 0;
        std::uint8_t writers = 0;
        bool watched = false;
        bool neighbour = false; // decides when it is marked as one of a contiguous run
        bool point = false;     // others may go on before an access; as of the last learn()
        bool shared() const {
            const unsigned all = readers | writers;
            return writers != 0 && (watched || (all & (all - 1)) != 0);
        }
    };

    bool scheduled() const { return fibers_.running() != Fibers::none; }
    std::size_t word_at(std::uint64_t address) const { return (address - base.value) / 8; }
    std::size_t page_at(std::uint64_t address) const {
        return (address - base.value) >> page_bits_;
    }
    bool in_memory(std::uint64_t address) const {
        return address >= base.value && word_at(address) < words_.size();
    }
    std::uint64_t address_of(std::size_t word) const { return base.value + 8 * word; }

    void pause();
    std::size_t access(Pa table, unsigned index, bool write);
    void touch(std::size_t word, bool write);
    void learn_of(std::size_t word);
    void count_step();
    void write(std::size_t word, std::uint64_t value, bool visible);
    void link(std::uint64_t descriptor);
    void watch_deciding();
    void note(std::uint64_t result);
    void record(StepKind kind, std::uint64_t where = 0, std::uint64_t before = 0,
                std::uint64_t after = 0) {
        if (telling_ && scheduled()) {
            record({.kind = kind, .where = where, .before = before, .after = after});
        }
    }
    void record(Step step);
    void give_back(std::size_t page);
    void set_page(std::size_t page, PageState state, unsigned held_by = 0);
    void hold(std::size_t page, unsigned sections);
    bool reachable(std::size_t page) const;
    bool reachable_below(std::uint64_t table, int level, std::uint64_t target) const;
    void count_reachable(std::uint64_t table, int level, std::vector<std::uint8_t>& seen) const;

    unsigned page_bits_;
    unsigned pages_each_;
    Fibers fibers_;
    WatchedTlb tlb_;
    WalkShape shape_ = {};
    bool judging_ = false;
    std::vector<std::uint64_t> words_;
    std::vector<Sharing> sharing_;
    std::vector<bool> stops_;          // by the entry's place in its table
    std::size_t neighbours_known_ = 0; // of the TLBs'
    std::vector<Page> pages_;
    std::vector<PageSharing> page_sharing_;
    std::vector<Cpu> cpus_;                 // and one more: the set-up
    std::vector<std::size_t> written_ = {}; // words that are not 0 any more
    bool telling_ = false;
    std::vector<Step> steps_ = {};
    std::uint64_t memory_hash_ = 0;
    std::uint64_t pages_hash_ = 0;
    std::uint64_t step_limit_ = ~std::uint64_t{0};
    bool learned_ = false;
    std::function<std::uint64_t()> engine_state_ = [] { return std::uint64_t{0}; };
    std::string failure_ = {};
};

} // namespace twofold::test
