// SPDX-License-Identifier: MIT
// Commands for the hypervisor's monitor, and what they do to the guest's own memory.
#include "accesses.hpp"
#include "cases.hpp"
#include "monitor_call.hpp"
#include "report.hpp"

#include <twofold/arch/address.hpp>

namespace twofold::payload {

namespace {

constexpr std::uint64_t monitor_function = 0xc600'ff00;
constexpr std::uint64_t page = 4096;

void expect_status(const char* what, std::uint64_t ipa, std::uint64_t length, std::int64_t wanted) {
    const MonitorAnswer answer = call_monitor_at(ipa, length);
    if (answer.status != wanted)
        fail("{}: {} instead of {}", what, answer.status, wanted);
}

std::uint64_t address_of(std::string_view text) {
    return reinterpret_cast<std::uintptr_t>(text.data());
}

void write_page(std::uint64_t at, std::uint64_t value) {
    *reinterpret_cast<volatile std::uint64_t*>(at) = value;
}

void refuses(const Machine& machine) {
    constexpr std::string_view harvest = "harvest";
    const std::uint64_t at = address_of(harvest);
    expect_status("no command", at, 0, -3);
    expect_status("half a command", at, 3, -3);
    expect_status("a long line", at, 121, -3);
    expect_status("a line without end", at, ~std::uint64_t{0}, -3);
    expect_status("a device's line", machine.uart.start, 7, -3);
    expect_status("no memory", machine.memory.end(), 7, -3);
    expect_status("the last line", machine.memory.end() - 3, 7, -3);
    expect_status("the end of all", ~std::uint64_t{0} - 2, 7, -3);
    constexpr std::string_view nowhere = "reasons 0x1000";
    expect_status("no slot", address_of(nowhere), nowhere.size(), -4);
}

} // namespace

MonitorAnswer call_monitor_at(std::uint64_t ipa, std::uint64_t length) {
    constexpr unsigned count = 31;
    std::uint64_t registers[count] = {monitor_function, ipa, length};
    for (unsigned i = 3; i < count; ++i)
        registers[i] = 0xabcd'0000'0000'0000 + i;
    call_hvc(registers);
    expect("x2 of a call", registers[2], length);
    for (unsigned i = 3; i < count; ++i)
        expect("a register of a call", registers[i], 0xabcd'0000'0000'0000 + i);
    return {.status = static_cast<std::int64_t>(registers[0]), .number = registers[1]};
}

std::uint64_t call_monitor(std::string_view command) {
    const MonitorAnswer answer = call_monitor_at(address_of(command), command.size());
    if (answer.status != 0)
        fail("{}: {}", command, answer.status);
    return answer.number;
}

// Needs monitor.calls=on.
void case_monitor(Machine& machine) {
    constexpr unsigned pages = 300;
    refuses(machine);
    const std::uint64_t area = machine.fresh(pages * page, 2 * MiB);
    for (unsigned i = 0; i < pages; ++i)
        write_page(area + i * page, i);

    // Exactly what was written is dirty, once; and the stack, which is written all the time.
    call_monitor("log on");
    call_monitor("harvest");
    const std::uint64_t quiet = call_monitor("harvest");
    if (quiet > 2)
        fail("{} pages are written by nobody", quiet);
    for (unsigned i = 0; i < pages; i += 3)
        write_page(area + i * page, i);
    const std::uint64_t dirty = call_monitor("harvest");
    if (dirty < 100 || dirty > 102)
        fail("{} pages are dirty, not 100 and those of the stack", dirty);
    for (unsigned i = 1; i < 3; ++i) {
        const auto* word = reinterpret_cast<const volatile std::uint64_t*>(area + i * page);
        expect("a word", *word, i);
    }
    const std::uint64_t read = call_monitor("harvest");
    if (read > 2)
        fail("{} pages are dirty by reading", read);
    call_monitor("log off");

    call_monitor("split");
    call_monitor("collapse");
    call_monitor("age");
    call_monitor("drop");
    for (unsigned i = 0; i < pages; ++i)
        expect("a word", *reinterpret_cast<const volatile std::uint64_t*>(area + i * page), i);
    if (call_monitor("map") < page)
        fail("nothing is mapped");
    call_monitor("slots");
    call_monitor("echo from the guest");
}

} // namespace twofold::payload
