// SPDX-License-Identifier: MIT
// GuestHostPort: the arena with the caches of a guest, for any number of threads, and for walkers
// that run beside the engine.
#pragma once

#include "table/host_port.hpp"

#include <twofold/table/epochs.hpp>
#include <twofold/vm/guest_port.hpp>

#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace twofold::test {

// The number of a thread among those that there are.
class ThreadNumber {
public:
    static constexpr unsigned most = 16;

    ThreadNumber() {
        std::uint32_t taken = in_use.load();
        do {
            number_ = static_cast<unsigned>(std::countr_one(taken));
        } while (!in_use.compare_exchange_weak(taken, taken | 1U << number_));
    }
    ~ThreadNumber() { in_use.fetch_and(~(1U << number_)); }
    ThreadNumber(const ThreadNumber&) = delete;
    ThreadNumber& operator=(const ThreadNumber&) = delete;

    static unsigned mine() {
        static thread_local const ThreadNumber number;
        return number.number_;
    }

private:
    static inline std::atomic<std::uint32_t> in_use = 0;
    unsigned number_ = 0;
};

struct CacheOperation {
    bool instruction = false;
    Pa pa = {};
    std::uint64_t bytes = 0;

    bool operator==(const CacheOperation&) const = default;
};

class GuestHostPort : public HostPort {
    using Readers = Epochs<ThreadNumber::most>;

public:
    explicit GuestHostPort(std::size_t bytes = 8 * MiB) : HostPort{Pa{0x8000'0000}, bytes} {}
    ~GuestHostPort() { reclaim(); }

    std::optional<Pa> allocate(std::uint64_t bytes) {
        const std::lock_guard guard{memory_mutex_};
        return HostPort::allocate(bytes);
    }
    void free(Pa pa, std::uint64_t bytes) {
        const std::lock_guard guard{memory_mutex_};
        HostPort::free(pa, bytes);
    }
    void retire(Pa pa, std::uint64_t bytes) {
        if (another_in_section) {
            HostPort::retire(pa, bytes);
            return;
        }
        waiting_.fetch_add(1);
        readers_.retire(*new Waiting{{}, pa, bytes});
    }
    // What was retired goes when the last has ended that may see it; at once in a single thread.
    class [[nodiscard]] Section {
    public:
        explicit Section(GuestHostPort& port) : port_{port} {
            section_.emplace(port.readers_, ThreadNumber::mine());
        }
        ~Section() {
            section_.reset();
            if (port_.waiting_.load(std::memory_order_relaxed) != 0) {
                port_.reclaim();
            }
        }
        Section(const Section&) = delete;
        Section& operator=(const Section&) = delete;

    private:
        struct Reading {
            Reading(Readers& readers, unsigned thread) : section{readers.section(thread)} {}
            Readers::Section section;
        };
        GuestHostPort& port_;
        std::optional<Reading> section_ = {};
    };
    Section section() { return Section{*this}; }

    void clean_dcache(Pa pa, std::uint64_t bytes) { record({false, pa, bytes}); }
    void invalidate_icache(Pa pa, std::uint64_t bytes) { record({true, pa, bytes}); }
    void relax() {
        relaxed.fetch_add(1, std::memory_order_relaxed);
        std::this_thread::yield();
    }

    std::optional<std::uint64_t> load(Pa pa) { return table(pa).load(0); }
    // Of a walker that notes accesses.
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        auto entry = table(pa);
        return entry.compare_exchange(0, expected, desired) ? expected : entry.load(0);
    }
    // As DSB after TLBI: every walk that may have seen what was there has finished.
    void barrier(Barrier kind) {
        if (kind == Barrier::dsb_ish || kind == Barrier::dsb_nsh) {
            const std::unique_lock wait{walks};
        }
        HostPort::barrier(kind);
    }

    std::vector<CacheOperation> cache_operations = {};
    std::function<void(const CacheOperation&)> on_cache = {};
    std::shared_mutex walks = {}; // held while a walker is under way
    std::atomic<std::uint64_t> relaxed = 0;

private:
    struct Waiting : Retired {
        Waiting(const Retired& retired, Pa table, std::uint64_t size)
            : Retired{retired},
              pa{table},
              bytes{size} {}
        Pa pa;
        std::uint64_t bytes;
    };
    void reclaim() {
        waiting_.fetch_sub(readers_.reclaim([this](Retired& retired) {
            const std::unique_ptr<Waiting> waiting{static_cast<Waiting*>(&retired)};
            free(waiting->pa, waiting->bytes);
        }));
    }
    void record(const CacheOperation& operation) {
        {
            const std::lock_guard guard{cache_mutex_};
            cache_operations.push_back(operation);
        }
        if (on_cache) {
            on_cache(operation);
        }
    }

    Readers readers_;
    std::atomic<unsigned> waiting_ = 0;
    std::mutex memory_mutex_ = {};
    std::mutex cache_mutex_ = {};
};

static_assert(GuestPort<GuestHostPort>);

} // namespace twofold::test
