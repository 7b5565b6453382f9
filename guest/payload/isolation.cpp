// SPDX-License-Identifier: MIT
// Nothing that is not the guest's can be seen: neither beside its memory, nor in it.
#include "cases.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "stage1.hpp"

#include <algorithm>

namespace twofold::payload {

namespace {

void expect_nothing(std::uint64_t ipa) {
    const std::uint64_t va = map_window(Window::general, ipa, WindowKind::normal);
    for (Access* const access : {access_load64, access_store64}) {
        const Fault fault = probe(access, va, 0x0bad'0bad'0bad'0bad);
        if (!fault.taken)
            fail("{:#x} can be accessed: {:#x}", ipa, fault.x0);
    }
}

// The first word in [start, end) that is not zero, else `end`.
std::uint64_t first_used(std::uint64_t start, std::uint64_t end) {
    for (std::uint64_t at = start; at < end; at += 64) {
        const auto* const words = reinterpret_cast<const std::uint64_t*>(at);
        if ((words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] |
             words[7]) != 0)
            return at;
    }
    return end;
}

} // namespace

void case_scan(Machine& machine) {
    // Every 2 MiB of the first 64 GiB, which hold all of the machine's own memory.
    const std::uint64_t dense = std::min(machine.ipa_limit(), 64 * GiB);
    for (std::uint64_t ipa = 0; ipa < dense; ipa += 2 * MiB) {
        if (!machine.is_somewhere(ipa))
            expect_nothing(ipa);
    }
    // Every page around the devices, where the real ones are in the machine.
    for (std::uint64_t ipa = 0x0800'0000; ipa < 0x0c00'0000; ipa += 4 * KiB) {
        if (!machine.is_somewhere(ipa))
            expect_nothing(ipa);
    }
    for (unsigned bit = 36; bit < std::min(machine.ipa_bits(), 48U); ++bit) {
        for (std::uint64_t offset = 0; offset < 8 * GiB; offset += 256 * MiB)
            expect_nothing((std::uint64_t{1} << bit) + offset);
    }
    if (machine.ipa_bits() <= 48)
        expect_nothing(machine.ipa_limit() - 8);
}

void case_zero(Machine& machine) {
    // What a loader has written, and what the cases have used, in order of address.
    Range used[] = {machine.image, machine.tree, machine.initrd, machine.used()};
    std::sort(std::begin(used), std::end(used),
              [](const Range& a, const Range& b) { return a.start < b.start; });
    std::uint64_t at = machine.memory.start;
    for (const Range& range : used) {
        if (range.size == 0)
            continue;
        const std::uint64_t hole = align_down(range.start, 64);
        if (at < hole) {
            const std::uint64_t found = first_used(at, hole);
            if (found != hole)
                fail("{:#x} is not zero: {:#x}", found,
                     *reinterpret_cast<const std::uint64_t*>(found));
        }
        at = std::max(at, align_up(range.end(), 64));
    }
    const std::uint64_t found = first_used(at, machine.memory.end());
    if (found != machine.memory.end())
        fail("{:#x} is not zero: {:#x}", found, *reinterpret_cast<const std::uint64_t*>(found));
}

} // namespace twofold::payload
