// SPDX-License-Identifier: MIT
// Each access must get on with one fault, and find the largest size that is possible: where the
// largest block of the table is smaller than the extents behind it, others did not.
#include "cases.hpp"
#include "cpu.hpp"
#include "monitor_call.hpp"
#include "probe.hpp"
#include "report.hpp"

#include <twofold/arch/address.hpp>

#include <array>

namespace twofold::payload {

namespace {

constexpr std::uint64_t page = 4 * KiB;

std::uint64_t mapped_size(std::uint64_t ipa) {
    std::array<char, 40> line{};
    hyp::BufferSink sink{line};
    hyp::format_to(sink, "reasons {:#x}", ipa);
    return call_monitor(sink.text());
}

// Faults of the guest until now; that of the call's own memory is over before it counts.
std::uint64_t faults() { return call_monitor("faults"); }

template <typename Access>
void expect_faults(const char* what, std::uint64_t wanted, Access access) {
    faults();
    const std::uint64_t before = faults();
    access();
    const std::uint64_t after = faults();
    if (after - before != wanted)
        fail("{}: {} faults instead of {}", what, after - before, wanted);
}

void write(std::uint64_t at) { *reinterpret_cast<volatile std::uint64_t*>(at) = at; }

void write_function(std::uint64_t at) {
    auto* const code = reinterpret_cast<volatile std::uint32_t*>(at);
    code[0] = 0x52800000U | 42 << 5; // mov w0, #42
    code[1] = 0xd65f03c0U;           // ret
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(at) : "memory");
}

} // namespace

// Needs monitor.calls=on, a table whose largest block has 2 MiB, and a CPU without FEAT_DIC.
void case_one_fault(Machine& machine) {
    constexpr std::uint64_t block = 2 * MiB;
    const std::uint64_t area = machine.fresh(block, block);
    expect_faults("first touch", 1, [&] { write(area); });
    expect("size after the first touch", mapped_size(area), block);
    expect_faults("the rest of the block", 0, [&] { write(area + block - 8); });

    expect_faults("first fetch from what was written", 1, [&] {
        write_function(area);
        const Fault fault = probe(reinterpret_cast<Access*>(area), 0);
        expect_no_fault("code", fault);
        expect("code", fault.x0, 42);
    });
    expect("size after the first fetch", mapped_size(area), block);

    call_monitor("log on");
    expect_faults("write to a block while writes are logged", 1, [&] { write(area + page); });
    expect("size of what was written", mapped_size(area + page), page);
    expect_faults("read beside it", 0,
                  [&] { (void)*reinterpret_cast<const volatile std::uint64_t*>(area + 3 * page); });
    call_monitor("log off");
    expect_faults("write after writes were logged", 1, [&] { write(area + 2 * page); });
    expect_faults("the same page again", 0, [&] { write(area + 2 * page + 8); });

    call_monitor("collapse");
    expect("size after a collapse", mapped_size(area + page), block);
    expect_faults("write after a collapse", 0, [&] { write(area + 4 * page); });
    const Fault fault = probe(reinterpret_cast<Access*>(area), 0);
    expect_no_fault("code", fault);
    expect("code", fault.x0, 42);

    // A block again after all was unmapped.
    call_monitor("drop");
    write(area);
    expect("size after a drop", mapped_size(area), block);
}

} // namespace twofold::payload
