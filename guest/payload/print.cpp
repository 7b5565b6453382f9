// SPDX-License-Identifier: MIT
// The UART, and the verdicts of cases.
#include "print.hpp"

#include "mmio.hpp"
#include "report.hpp"

namespace twofold::payload {

namespace {

constexpr std::uint64_t data = 0x000;    // UARTDR
constexpr std::uint64_t flags = 0x018;   // UARTFR
constexpr std::uint64_t control = 0x030; // UARTCR
constexpr std::uint32_t receive_empty = 1U << 4;
constexpr std::uint32_t transmit_full = 1U << 5;
constexpr std::uint32_t enable = 1U << 0;
constexpr std::uint32_t transmit = 1U << 8;
constexpr std::uint32_t receive = 1U << 9;

constinit std::uint64_t uart = 0;
constinit std::string_view current;
constinit unsigned failures = 0;

} // namespace

void open_uart(std::uint64_t base) {
    uart = base;
    write32(uart + control, enable | transmit);
}

void print_text(std::string_view text) {
    if (uart == 0)
        return;
    for (const char c : text) {
        while ((read32(uart + flags) & transmit_full) != 0) {
        }
        write32(uart + data, static_cast<unsigned char>(c));
    }
}

char read_one_character() {
    write32(uart + control, enable | transmit | receive);
    while ((read32(uart + flags) & receive_empty) != 0) {
    }
    // With the receiver off, what comes next stays on the line.
    write32(uart + control, enable | transmit);
    return static_cast<char>(read32(uart + data) & 0xff);
}

void begin_case(std::string_view name) {
    current = name;
    failures = 0;
}

bool end_case() {
    if (failures == 0)
        print("PAYLOAD: {} ok\n", current);
    else
        print("PAYLOAD: {} FAIL {} complaints\n", current, failures);
    return failures == 0;
}

void fail_with(std::string_view pattern, std::span<const hyp::FormatArgument> arguments) {
    constexpr unsigned printed = 12;
    if (++failures > printed)
        return;
    char buffer[200];
    hyp::BufferSink sink{buffer};
    hyp::format_arguments(sink, pattern, arguments);
    print("PAYLOAD: {} FAIL {}\n", current, sink.text());
}

} // namespace twofold::payload
