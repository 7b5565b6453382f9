// SPDX-License-Identifier: MIT
// Messages go to whatever output was set last.
#include "runtime/print.hpp"

#include <atomic>

namespace twofold::hyp {

namespace {

std::atomic<PrintOutput> current_output{nullptr};

} // namespace

void set_print_output(PrintOutput output) {
    current_output.store(output, std::memory_order_release);
}

void print_text(std::string_view message) {
    if (const PrintOutput output = current_output.load(std::memory_order_acquire))
        output(message);
}

} // namespace twofold::hyp
