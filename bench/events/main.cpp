// SPDX-License-Identifier: MIT
// Measures the events that the command line names, events=hvc,mmio_read, and prints a line for
// each:
//   event NAME repetitions ticks ticks-of-the-empty-loop
// behind "frequency HERTZ" of the counter, and "events end" behind the last.
#include "cpu/sysreg.hpp"
#include "events.hpp"
#include "print.hpp"

#include <string_view>

namespace {

using namespace twofold;
using namespace twofold::bench;

bool is_listed(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const std::string_view item = list.substr(0, list.find(','));
        if (item == name)
            return true;
        list.remove_prefix(item.size() == list.size() ? item.size() : item.size() + 1);
    }
    return false;
}

} // namespace

extern "C" void measure_events(const void* tree) {
    static constinit payload::Machine machine;
    if (!machine.read(tree))
        return; // without a word, as there is no UART
    payload::open_uart(machine.uart.start);
    payload::print("frequency {}\n", TWOFOLD_READ_SYSREG(CNTFRQ_EL0));
    const std::string_view wanted = machine.word("events");
    for (const auto events : {call_events(), fault_events(), logging_events()}) {
        for (const Event& event : events) {
            if (!is_listed(wanted, event.name))
                continue;
            const Measurement m = event.measure(machine);
            payload::print("event {} {} {} {}\n", event.name, m.repetitions, m.ticks,
                           m.empty_ticks);
        }
    }
    payload::print("events end\n");
}
