// SPDX-License-Identifier: MIT
// Step: one thing that a CPU did to what all share, for the print-out of a schedule that went
// wrong.
#pragma once

#include <twofold/arch/tlbi_operation.hpp>

#include <cstdint>
#include <string>

namespace twofold::test {

enum class StepKind : std::uint8_t {
    begin, // an operation
    end,
    load,
    store,
    publish,
    exchange,
    clear_bits,
    compare_exchange,
    failed_exchange,
    tlbi,
    barrier,
    allocate,
    free,
    retire,
    enter_section,
    leave_section,
    shared, // something beside table memory, of the engine's own
};

struct Step {
    StepKind kind = StepKind::load;
    unsigned cpu = 0;
    std::uint64_t where = 0; // address of the descriptor or table
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    TlbiOperation tlbi = {};
    Barrier barrier = Barrier::isb;
    const char* name = ""; // of an operation
};

std::string to_string(const Step& step);

} // namespace twofold::test
