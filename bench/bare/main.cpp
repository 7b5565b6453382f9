// SPDX-License-Identifier: MIT
// Instructions of each case, one line each on the UART:
//   case NAME operations instructions tlbis barriers tables
// and "end" behind the last, so that a run that stopped early is known.
#include "../cases.hpp"
#include "instruction_counter.hpp"

#include <new>

namespace {

using namespace twofold;
using namespace twofold::bench;

constexpr std::uintptr_t uart = 0x0900'0000; // PL011 of the virt machine; QEMU's is ready at once

void put(const char* text) {
    for (; *text != 0; ++text) {
        *reinterpret_cast<volatile std::uint32_t*>(uart) = static_cast<unsigned char>(*text);
    }
}
void put(std::uint64_t number) {
    char digits[21] = {};
    char* at = digits + 20;
    do {
        *--at = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put(" ");
    put(at);
}

alignas(64 * KiB) unsigned char arena[arena_bytes];
alignas(BenchGuest) unsigned char guest_memory[sizeof(BenchGuest)];

// What the two readings of the counter cost between them.
std::uint32_t overhead() {
    const std::uint32_t before = InstructionCounter::now();
    return InstructionCounter::now() - before;
}

void measure(const Case& c) {
    // Not destroyed: the next guest takes the memory over.
    auto& guest = *new (guest_memory) BenchGuest{arena, arena_bytes, c.length, c.leaf};
    c.prepare(guest);
    const std::uint64_t tlbis = guest.port().tlbis();
    const std::uint64_t barriers = guest.port().barriers();
    const std::uint32_t before = InstructionCounter::now();
    c.run(guest);
    const std::uint32_t after = InstructionCounter::now();
    put("case ");
    put(c.name);
    put(guest.leaves() / c.per_op);
    put(after - before - overhead());
    put(guest.port().tlbis() - tlbis);
    put(guest.port().barriers() - barriers);
    put(guest.tables());
    put("\n");
}

void measure_limit() {
    constexpr std::uint64_t count = arena_bytes / 8;
    const std::uint32_t before = InstructionCounter::now();
    store_loop(reinterpret_cast<std::uint64_t*>(arena), count);
    const std::uint32_t after = InstructionCounter::now();
    put("case store_loop");
    put(count);
    put(after - before - overhead());
    put(" 0 0 0\n");
}

} // namespace

extern "C" void bench_main() {
    InstructionCounter::start();
    for (const Case& c : cases) {
        measure(c);
    }
    measure_limit();
    put("end\n");
}
