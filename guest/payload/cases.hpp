// SPDX-License-Identifier: MIT
// The cases: each reports through fail() what is not as it should be.
#pragma once

#include "machine.hpp"

#include <cstdint>

namespace twofold::payload {

// What the first CPU started with.
struct BootState {
    std::uint64_t tree = 0;
    std::uint64_t daif = 0;
};
extern BootState boot_state;

using Case = void(Machine& machine);

Case case_boot, case_identification;                             // identification.cpp
Case case_holes, case_holes_el0, case_no_syndrome;               // holes.cpp
Case case_maintenance, case_beyond;                              // holes.cpp
Case case_walk_holes, case_walk_memory;                          // walks.cpp
Case case_calls, case_psci, case_undefined;                      // calls.cpp
Case case_device_accesses, case_all_ones, case_uart;             // devices.cpp
Case case_interrupts;                                            // interrupts.cpp
Case case_code;                                                  // code.cpp
Case case_secondaries;                                           // secondaries.cpp
Case case_scan, case_zero;                                       // isolation.cpp
Case case_monitor;                                               // monitor.cpp
Case case_one_fault;                                             // one_fault.cpp
Case case_load;                                                  // load.cpp
Case case_touch;                                                 // touch.cpp
Case case_attack, case_quiet;                                    // neighbours.cpp
Case case_patience, case_endless, case_endless_walk, case_reset; // endings.cpp

} // namespace twofold::payload
