// SPDX-License-Identifier: MIT
// Accesses as the command line lists them, so that who looks on from outside knows what was
// touched: payload.touch=read:0x80000000,write:0x80001000,fetch:0x80001000. What is written is a
// function, and a fetch calls it.
#include "cases.hpp"
#include "print.hpp"
#include "probe.hpp"
#include "report.hpp"

namespace twofold::payload {

namespace {

struct Touch {
    std::string_view access;
    std::uint64_t address = 0;
};

// Takes "access:0xADDRESS" and the comma behind it.
Touch take_touch(std::string_view& list) {
    std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(item.size() == list.size() ? item.size() : item.size() + 1);
    Touch touch{.access = item.substr(0, item.find(':'))};
    item.remove_prefix(touch.access.size());
    if (!item.starts_with(":0x"))
        return {};
    for (const char c : item.substr(3)) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return {};
        touch.address = touch.address << 4 | static_cast<unsigned>(digit);
    }
    return touch;
}

// What the function at an address returns.
constexpr std::uint64_t number_of(std::uint64_t address) { return address >> 12 & 0xffff; }

// mov w0, #number; ret
void write_function(std::uint64_t at) {
    auto* const code = reinterpret_cast<volatile std::uint32_t*>(at);
    code[0] = 0x52800000U | static_cast<std::uint32_t>(number_of(at)) << 5;
    code[1] = 0xd65f03c0U;
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(at) : "memory");
}

// Where nobody wrote a function, there is 0, which is no instruction.
void call_function(std::uint64_t at) {
    const Fault fault = probe(reinterpret_cast<Access*>(at), 0);
    if (*reinterpret_cast<const volatile std::uint32_t*>(at) == 0) {
        expect_fault("zeroes", fault, {.esr = 0x02000000, .elr = at, .far_valid = false});
        return;
    }
    expect_no_fault("function", fault);
    expect("function", fault.x0, number_of(at));
}

bool perform(const Touch& touch) {
    if (touch.access == "read")
        (void)*reinterpret_cast<const volatile std::uint64_t*>(touch.address);
    else if (touch.access == "write")
        write_function(touch.address);
    else if (touch.access == "fetch")
        call_function(touch.address);
    else
        return false;
    return true;
}

} // namespace

// payload.then=spin stays in the guest afterwards, and payload.then=again goes over the list for
// ever.
void case_touch(Machine& machine) {
    std::string_view list = machine.word("payload.touch");
    unsigned count = 0;
    while (!list.empty()) {
        const Touch touch = take_touch(list);
        print("PAYLOAD: {} {:#x}\n", touch.access, touch.address);
        if (!perform(touch)) {
            fail("expected read, write or fetch, and :0x");
            return;
        }
        ++count;
    }
    print("PAYLOAD: touched {}\n", count);
    const std::string_view then = machine.word("payload.then");
    while (then == "spin")
        asm volatile("nop");
    while (then == "again") {
        for (list = machine.word("payload.touch"); !list.empty();)
            perform(take_touch(list));
    }
}

} // namespace twofold::payload
