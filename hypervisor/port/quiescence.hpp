// SPDX-License-Identifier: MIT
// Quiescence: since when each CPU has been where it may hold the address of a table. At EL2 that is
// from the exception that brought it here until it goes back into its guest, waits, or is off; what
// was unlinked before it came it cannot have found. Nobody ever waits for anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace twofold::hyp {

template <unsigned cpus>
class Quiescence {
public:
    constexpr Quiescence() = default;

    // The CPU may look at tables from now on.
    void enter(unsigned cpu) {
        cpus_[cpu].since.store(now_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        // Either passed() sees that this CPU is here, or this CPU sees what was unlinked.
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    // It looks at none until it enters again.
    void leave(unsigned cpu) { cpus_[cpu].since.store(outside, std::memory_order_release); }

    // A moment: after what the caller has unlinked, and before whoever enters later.
    std::uint64_t stamp() {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return now_.fetch_add(1, std::memory_order_acq_rel) + 1;
    }
    // Whether every CPU has been outside since that moment.
    bool passed(std::uint64_t stamp) const {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        for (const Cpu& cpu : cpus_) {
            const std::uint64_t since = cpu.since.load(std::memory_order_acquire);
            if (since != outside && since < stamp)
                return false;
        }
        return true;
    }

private:
    static constexpr std::uint64_t outside = 0;
    // One line each: it is written twice per exception.
    struct alignas(64) Cpu {
        std::atomic<std::uint64_t> since{outside};
    };

    std::array<Cpu, cpus> cpus_{};
    std::atomic<std::uint64_t> now_{1};
};

} // namespace twofold::hyp
