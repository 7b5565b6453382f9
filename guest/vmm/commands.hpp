// SPDX-License-Identifier: MIT
// Commands: what is done to the guest while it runs, line by line from standard input:
//   frames              where its pages are in the host's memory
//   tables              what the kernel says of its tables
//   where               where it is and how often it was left, three times in two seconds
//   forget IPA SIZE     takes memory away; touched again, it is new
//   log on, log off     dirty logging
//   harvest             how many pages were written since the last time
//   pause, resume
//   end                 of the VMM
#pragma once

#include "machine.hpp"
#include "virtual_cpu.hpp"

#include <chrono>
#include <string>

namespace twofold::vmm {

class Commands {
public:
    Commands(const Machine& machine, VirtualCpu& cpu, unsigned watchdog)
        : machine_{&machine},
          cpu_{&cpu},
          watchdog_{watchdog} {}

    // Until "end", which ends the process, or the input's end. A guest that says nothing for as
    // long as the watchdog waits is told about, once.
    void follow();

private:
    void obey(const std::string& line);
    void tell_frames() const;
    void tell_tables() const;
    void tell_where();
    void forget(const std::string& ipa, const std::string& size) const;

    const Machine* machine_;
    VirtualCpu* cpu_;
    std::chrono::seconds watchdog_;
};

} // namespace twofold::vmm
