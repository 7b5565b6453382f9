// SPDX-License-Identifier: MIT
// VirtualCpu: runs the guest, prints what it writes to its UART, and says where it is.
#pragma once

#include "machine.hpp"
#include "statistics.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

struct kvm_run;

namespace twofold::vmm {

class VirtualCpu {
public:
    explicit VirtualCpu(const Machine& machine);

    // Returns when the guest has switched itself off.
    void run();

    // From other threads:
    void adopt_thread(pthread_t thread) { thread_ = thread; }
    // The program counter, for which the guest is left for a moment.
    std::uint64_t where();
    // Keeps the guest from running, until it is resumed.
    void pause();
    void resume();
    std::uint64_t exits() const { return statistics_.exits(); }
    // Characters that the guest has written.
    std::uint64_t written() const { return written_; }

private:
    std::uint64_t get(std::uint64_t number) const;
    void set(std::uint64_t number, std::uint64_t value) const;
    void emulate();
    void answer();
    void ask(std::unique_lock<std::mutex>& lock);
    void write_character(char character);

    int cpu_ = -1;
    kvm_run* shared_ = nullptr;
    Statistics statistics_;
    pthread_t thread_{};
    std::string line_;
    std::atomic<std::uint64_t> written_{0};

    std::mutex mutex_;
    std::condition_variable changed_;
    bool asked_ = false;
    bool paused_ = false;
    std::uint64_t pc_ = 0;
};

} // namespace twofold::vmm
