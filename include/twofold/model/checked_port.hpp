// SPDX-License-Identifier: MIT
// CheckedPort: any Port, with a checker that hears of every step, and a trace of them if wanted.
//
// Changes of entries and their events are one step under a lock, so that the checker sees them in
// the order in which memory does. A barrier or a TLBI is told of when it is done, and memory is
// told of as given back before it is, so that another CPU can be late but never early.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/model/checker.hpp>
#include <twofold/model/event.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace twofold::model {

template <class Port>
class CheckedPort {
public:
    // Both must outlive it. Used by several CPUs, `port` must number them: port.cpu().
    CheckedPort(Port& port, Checker& checker)
        : port_{port},
          checker_{checker},
          page_mask_{checker.config().geometry.page_size() - 1} {}
    CheckedPort(const CheckedPort&) = delete;
    CheckedPort& operator=(const CheckedPort&) = delete;

    using InnerTable = decltype(std::declval<Port&>().table(Pa{}));

    class Table {
    public:
        Table(CheckedPort& port, Pa pa, InnerTable inner)
            : port_{&port},
              pa_{pa},
              inner_{std::move(inner)} {}

        std::uint64_t load(unsigned index) const { return inner_.load(index); }
        void store(unsigned index, std::uint64_t value) {
            const Guard guard{*port_};
            const std::uint64_t before = inner_.load(index);
            inner_.store(index, value);
            changed(EventKind::store, index, before, value);
        }
        void publish(unsigned index, std::uint64_t value) {
            const Guard guard{*port_};
            const std::uint64_t before = inner_.load(index);
            inner_.publish(index, value);
            changed(EventKind::publish, index, before, value);
        }
        std::uint64_t exchange(unsigned index, std::uint64_t value) {
            const Guard guard{*port_};
            const std::uint64_t before = inner_.exchange(index, value);
            changed(EventKind::exchange, index, before, value);
            return before;
        }
        std::uint64_t clear_bits(unsigned index, std::uint64_t mask) {
            const Guard guard{*port_};
            const std::uint64_t before = inner_.clear_bits(index, mask);
            changed(EventKind::clear_bits, index, before, before & ~mask);
            return before;
        }
        std::uint64_t set_bits(unsigned index, std::uint64_t mask) {
            const Guard guard{*port_};
            const std::uint64_t before = inner_.set_bits(index, mask);
            changed(EventKind::exchange, index, before, before | mask);
            return before;
        }
        bool compare_exchange(unsigned index, std::uint64_t before, std::uint64_t after) {
            const Guard guard{*port_};
            const bool done = inner_.compare_exchange(index, before, after);
            if (done) {
                changed(EventKind::compare_exchange, index, before, after);
            }
            return done;
        }

    private:
        void changed(EventKind kind, unsigned index, std::uint64_t before, std::uint64_t after) {
            port_->tell(Event::change(kind, port_->cpu(), pa_ + 8ULL * index, before, after));
        }

        CheckedPort* port_;
        Pa pa_;
        InnerTable inner_;
    };

    Table table(Pa pa) { return {*this, pa, port_.table(pa)}; }

    std::optional<Pa> allocate(std::uint64_t bytes) {
        const std::optional<Pa> pa = port_.allocate(bytes);
        if (pa) {
            locked(Event::memory(EventKind::allocate, cpu(), *pa, bytes));
        }
        return pa;
    }
    void free(Pa pa, std::uint64_t bytes) {
        locked(Event::memory(EventKind::free, cpu(), pa, bytes));
        port_.free(pa, bytes);
    }
    void retire(Pa pa, std::uint64_t bytes) {
        locked(Event::memory(EventKind::retire, cpu(), pa, bytes));
        port_.retire(pa, bytes);
    }

    class Section {
    public:
        explicit Section(CheckedPort& port) : port_{port}, inner_{port.port_.section()} {
            port_.locked(Event::mark(EventKind::section_begin, cpu_));
        }
        ~Section() { port_.locked(Event::mark(EventKind::section_end, cpu_)); }
        Section(const Section&) = delete;
        Section& operator=(const Section&) = delete;

    private:
        CheckedPort& port_;
        decltype(std::declval<Port&>().section()) inner_;
        unsigned cpu_ = port_.cpu();
    };
    Section section() { return Section{*this}; }

    void barrier(Barrier barrier) {
        port_.barrier(barrier);
        locked(Event::of(cpu(), barrier));
    }
    void tlbi(const TlbiOperation& operation) {
        port_.tlbi(operation);
        locked(Event::of(cpu(), operation));
    }

    // What some ports have beyond a TablePort.
    template <class Owed>
    requires requires(Port& port, const Owed& owed) { port.note(owed); }
    void note(const Owed& owed) { port_.note(owed); }
    void clean_dcache(Pa pa, std::uint64_t bytes) requires requires(Port& port) {
        port.clean_dcache(pa, bytes);
    }
    { port_.clean_dcache(pa, bytes); }
    void invalidate_icache(Pa pa, std::uint64_t bytes) requires requires(Port& port) {
        port.invalidate_icache(pa, bytes);
    }
    { port_.invalidate_icache(pa, bytes); }
    void relax() requires requires(Port& port) { port.relax(); }
    { port_.relax(); }

    // This CPU runs with these registers from now on; the first says where the root is.
    void context(std::uint64_t vtcr, std::uint64_t vttbr) {
        locked(Event::context(cpu(), vtcr, vttbr));
    }
    // Nothing that this CPU changed may be in a TLB any more.
    void settled() { locked(Event::mark(EventKind::settled, cpu())); }
    // Nothing that any CPU changed may be.
    void all_done() { locked(Event::mark(EventKind::all_done, cpu())); }
    // No CPU uses the table any more, and no TLB has anything of it: it may be destroyed.
    void teardown() { locked(Event::mark(EventKind::teardown, cpu())); }
    // Somebody else has changed an entry that no TLB has.
    void adopt(Pa entry, std::uint64_t before, std::uint64_t after) {
        locked(Event::change(EventKind::adopt, cpu(), entry, before, after));
    }

    // Memory as a walker uses it: with these, model::walk() is hardware, whose updates are events.
    std::optional<std::uint64_t> load(Pa pa) { return inner(pa).load(index(pa)); }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        const Guard guard{*this};
        auto table = inner(pa);
        if (!table.compare_exchange(index(pa), expected, desired)) {
            return table.load(index(pa));
        }
        tell(Event::change(EventKind::hardware_update, cpu(), pa, expected, desired));
        return expected;
    }

    // Called with each event before the checker is: for a trace.
    using Listener = void (*)(void* object, const Event& event);
    void listen(Listener listener, void* object) {
        listener_ = listener;
        listener_object_ = object;
    }

    Port& port() { return port_; }
    Checker& checker() { return checker_; }

private:
    static constexpr unsigned nobody = ~0U;

    // A spinlock that knows its owner: a port that is a test may call the engine from the middle of
    // a step.
    class Guard {
    public:
        explicit Guard(CheckedPort& port) : port_{port} {
            const unsigned me = port.cpu();
            nested_ = port.owner_.load(std::memory_order_relaxed) == me;
            unsigned free = nobody;
            while (!nested_ &&
                   !port.owner_.compare_exchange_weak(free, me, std::memory_order_acquire,
                                                      std::memory_order_relaxed)) {
                free = nobody;
            }
        }
        ~Guard() {
            if (!nested_) {
                port_.owner_.store(nobody, std::memory_order_release);
            }
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        CheckedPort& port_;
        bool nested_;
    };

    // By the port's number; one that has none has one CPU.
    unsigned cpu() {
        if constexpr (requires { port_.cpu(); }) {
            return static_cast<unsigned>(port_.cpu());
        } else {
            return 0;
        }
    }
    void locked(const Event& event) {
        const Guard guard{*this};
        tell(event);
    }
    void tell(const Event& event) {
        if (listener_ != nullptr) {
            listener_(listener_object_, event);
        }
        checker_.on(event);
    }
    InnerTable inner(Pa pa) { return port_.table(Pa{pa.value & ~page_mask_}); }
    unsigned index(Pa pa) const { return static_cast<unsigned>((pa.value & page_mask_) / 8); }

    Port& port_;
    Checker& checker_;
    std::uint64_t page_mask_;
    std::atomic<unsigned> owner_ = nobody; // of the lock
    Listener listener_ = nullptr;
    void* listener_object_ = nullptr;
};

} // namespace twofold::model
