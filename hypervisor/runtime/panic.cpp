// SPDX-License-Identifier: MIT
// Panic: one message, then the machine stops.
#include "runtime/panic.hpp"

#include "cpu/machine.hpp"

#include <atomic>

namespace twofold::hyp {

namespace {

std::atomic<void (*)(std::string_view)> panic_output{nullptr};

} // namespace

void set_panic_output(void (*output)(std::string_view)) {
    panic_output.store(output, std::memory_order_relaxed);
}

void print_unlocked(std::string_view message) {
    if (const auto output = panic_output.load(std::memory_order_relaxed))
        output(message);
}

void panic_text(std::string_view message) {
    print_unlocked("\ntwofold: stopped: ");
    print_unlocked(message);
    stop_machine(1);
}

} // namespace twofold::hyp
