// SPDX-License-Identifier: MIT
// Runs the cases that the command line asks for: payload.cases=holes,psci; all but those that end
// the guest otherwise.
#include "cases.hpp"
#include "cpu.hpp"
#include "print.hpp"
#include "psci.hpp"
#include "report.hpp"

namespace twofold::payload {

namespace {

struct NamedCase {
    std::string_view name;
    Case* run;
    bool always; // else only by name
};

constexpr NamedCase cases[] = {
    {"boot", case_boot, true},
    {"identification", case_identification, true},
    {"code", case_code, true},
    {"walk-memory", case_walk_memory, true},
    {"holes", case_holes, true},
    {"holes-el0", case_holes_el0, true},
    {"no-syndrome", case_no_syndrome, true},
    {"maintenance", case_maintenance, true},
    {"beyond", case_beyond, true},
    {"walk-holes", case_walk_holes, true},
    {"calls", case_calls, true},
    {"psci", case_psci, true},
    {"undefined", case_undefined, true},
    {"device-accesses", case_device_accesses, true},
    {"all-ones", case_all_ones, true},
    {"interrupts", case_interrupts, true},
    {"secondaries", case_secondaries, true},
    {"uart", case_uart, true},
    {"scan", case_scan, true},
    {"zero", case_zero, true},
    {"monitor", case_monitor, false},
    {"one-fault", case_one_fault, false},
    {"load", case_load, false},
    {"touch", case_touch, false},
    {"patience", case_patience, false},
    {"endless", case_endless, false},
    {"endless-walk", case_endless_walk, false},
    {"reset", case_reset, false},
    {"attack", case_attack, false},
    {"quiet", case_quiet, false},
};

constinit CpuState first_cpu{};
constinit Machine machine;

bool is_listed(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const std::string_view item = list.substr(0, list.find(','));
        if (item == name)
            return true;
        list.remove_prefix(item.size() == list.size() ? item.size() : item.size() + 1);
    }
    return false;
}

[[noreturn]] void run_cases() {
    const std::string_view wanted = machine.word("payload.cases");
    unsigned run = 0;
    unsigned bad = 0;
    for (const NamedCase& entry : cases) {
        if (wanted.empty() ? !entry.always : !is_listed(wanted, entry.name))
            continue;
        ++run;
        begin_case(entry.name);
        entry.run(machine);
        if (!end_case())
            ++bad;
    }
    print("PAYLOAD: {} cases, {} bad\n", run, bad);
    print("TWOFOLD-GUEST: {}\n", run != 0 && bad == 0 ? "pass" : "fail");
    power_off();
}

} // namespace

constinit BootState boot_state;

} // namespace twofold::payload

extern "C" [[noreturn]] void start_primary(const void* tree, std::uint64_t daif) {
    using namespace twofold::payload;
    adopt_cpu(first_cpu);
    boot_state = {.tree = reinterpret_cast<std::uintptr_t>(tree), .daif = daif};
    if (!machine.read(tree) || machine.ipa_bits() < 32 || machine.ipa_bits() > 52)
        power_off(); // without a word, as there is no UART
    open_uart(machine.uart.start);
    run_cases();
}
