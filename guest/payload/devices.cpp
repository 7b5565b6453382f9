// SPDX-License-Identifier: MIT
// Registers of the emulated devices with every size and alignment, and with every bit set.
#include "cases.hpp"
#include "gic.hpp"
#include "mmio.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "stage1.hpp"

namespace twofold::payload {

namespace {

constexpr std::uint64_t load_esr = 0x96000010;
constexpr std::uint64_t store_esr = 0x96000050;

struct Size {
    unsigned bytes;
    Access* load;
    Access* store;
};

constexpr Size sizes[] = {{1, access_load8, access_store8},
                          {2, access_load16, access_store16},
                          {4, access_load32, access_store32},
                          {8, access_load64, access_store64}};

// Every word where registers are, and now and then one in the rest of a 64 KiB frame.
constexpr std::uint64_t after(std::uint64_t offset) {
    return offset + (offset % (64 * KiB) < 4 * KiB ? 4 : 0x44);
}

// A value of no more than its size, or an external abort with nothing changed.
void read_one(const char* what, const Size& size, std::uint64_t va) {
    const Fault fault = probe(size.load, va);
    if (fault.taken)
        expect_fault(what, fault, {.esr = load_esr, .far = va, .elr = address_of(size.load)});
    else if (size.bytes < 8 && fault.x0 >> (8 * size.bytes) != 0)
        fail("{}: {:#x} from {} bytes at {:#x}", what, fault.x0, size.bytes, va);
}

void read_all(const char* what, const Range& range) {
    const std::uint64_t va = map_window(Window::general, range.start, WindowKind::non_cacheable);
    for (std::uint64_t offset = 0; offset < range.size; offset = after(offset)) {
        for (const Size& size : sizes)
            read_one(what, size, va + offset);
    }
    // Unaligned: stage 1 lets it through, and no device has such registers.
    for (std::uint64_t offset = 1; offset < 0x40; ++offset) {
        for (const Size& size : sizes)
            read_one(what, size, va + offset);
    }
    // Across the end of the frame.
    for (const Size& size : {sizes[1], sizes[2], sizes[3]}) {
        const std::uint64_t at = va + range.size - size.bytes + 1;
        const Fault fault = probe(size.load, at);
        if (!fault.taken || fault.esr != load_esr)
            fail("{}: {} bytes across the end, ESR {:#x}", what, size.bytes, fault.esr);
    }
}

void write_all(const Range& range, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t va = map_window(Window::general, range.start, WindowKind::non_cacheable);
    for (std::uint64_t offset = from; offset < to; offset = after(offset)) {
        for (const Size& size : sizes) {
            const Fault fault = probe(size.store, va + offset, ~std::uint64_t{0});
            if (fault.taken)
                expect_fault("store", fault,
                             {.esr = store_esr, .far = va + offset, .elr = address_of(size.store)});
        }
    }
}

} // namespace

void case_device_accesses(Machine& machine) {
    read_all("GICD", machine.distributor);
    read_all("GICR", machine.redistributors);
    read_all("UART", machine.uart);

    // PIDR2.ArchRev of a GICv3, and frames that say who they are.
    expect("GICD_PIDR2", read32(machine.distributor.start + 0xffe8) >> 4 & 0xf, 3);
    expect("GICR_PIDR2", read32(machine.redistributors.start + 0xffe8) >> 4 & 0xf, 3);
    expect("UARTPCellID", read32(machine.uart.start + 0xffc), 0xb1);
    for (unsigned i = 0; i < machine.cpus; ++i) {
        const std::uint64_t type = read64(machine.redistributors.start + i * 0x20000 + 8);
        expect("GICR_TYPER's affinity", type >> 32, machine.mpidrs[i] & 0xffffff);
        expect("GICR_TYPER.Last", type >> 4 & 1, i + 1 == machine.cpus ? 1 : 0);
    }
    // Reserved, or of other modes of operation
    for (const std::uint64_t offset :
         {0x0040U, 0x0048U, 0x0080U, 0x0100U, 0x0400U, 0x0800U, 0x0c00U, 0x0f00U, 0x2000U, 0x6000U})
        expect("GICD, RAZ", read32(machine.distributor.start + offset), 0);
    for (const std::uint64_t offset : {0x0070U, 0x0078U, 0x2000U, 0x10800U, 0x11000U, 0x1e000U})
        expect("GICR, RAZ", read32(machine.redistributors.start + offset), 0);
    // A device's address is no memory, and no code either.
    const std::uint64_t va =
        map_window(Window::general, machine.distributor.start, WindowKind::normal);
    expect_fault("fetch", probe(access_jump, va), {.esr = 0x86000010, .far = va, .elr = va});
}

void case_all_ones(Machine& machine) {
    write_all(machine.distributor, 0, machine.distributor.size);
    write_all(machine.redistributors, 0, machine.redistributors.size);
    // And the other way round, so that what clears comes before what sets.
    const std::uint64_t gicd = machine.distributor.start;
    for (std::uint64_t offset = 0x380 + 0x7c; offset >= 0x80; offset -= 4)
        write32(gicd + offset, ~std::uint32_t{0});
    read_all("GICD", {machine.distributor.start, 0x1000});
    init_distributor(machine);
    expect("GICD_CTLR", read32(gicd) & 0x13, 0x12);
    for (unsigned n = 1; n < 3; ++n) {
        expect("enabled", read32(gicd + 0x100 + 4 * n), 0);
        expect("pending", read32(gicd + 0x200 + 4 * n), 0);
        expect("active", read32(gicd + 0x300 + 4 * n), 0);
    }
}

void case_uart(Machine& machine) {
    // All registers but the data, and back to what printing needs.
    write_all(machine.uart, 0x04, 0x28);
    write_all(machine.uart, 0x34, machine.uart.size);
    const std::uint64_t uart = machine.uart.start;
    write32(uart + 0x38, 0);     // UARTIMSC
    write32(uart + 0x44, 0x7ff); // UARTICR
    expect("UARTMIS", read32(uart + 0x40), 0);
    expect("UARTFR.TXFE", read32(uart + 0x18) >> 7 & 1, 1);
    // Loopback: UARTCR [7] LBE
    write32(uart + 0x2c, 0x70); // UARTLCR_H: 8 bits, FIFOs
    write32(uart + 0x30, 0x381);
    write32(uart, 'x');
    expect("loopback", read32(uart) & 0xff, 'x');
    write32(uart + 0x30, 0x101);
}

} // namespace twofold::payload
