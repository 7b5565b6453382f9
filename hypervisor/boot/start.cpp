// SPDX-License-Identifier: MIT
// From the first C++ on the boot CPU to the guests.
#include "boot/boot_tree.hpp"
#include "boot/configuration.hpp"
#include "boot/machine_memory.hpp"
#include "cpu/cache.hpp"
#include "cpu/cpus.hpp"
#include "cpu/machine.hpp"
#include "devices/console.hpp"
#include "devices/pl011.hpp"
#include "gic/physical_gic.hpp"
#include "guest/guests.hpp"
#include "runtime/panic.hpp"
#include "runtime/print.hpp"
#include "runtime/semihosting.hpp"
#include "runtime/support.hpp"

namespace twofold::hyp {

namespace {

constinit AddressSpace address_space;
constinit MemoryPool pool;
constinit Pl011 uart;
constinit Console console;
constinit ConsoleSpeaker speaker;
constinit PhysicalGic gic;
constinit Guests guests;
constinit Configuration configuration;
constinit std::atomic<bool> guests_are_ready{false};

std::uint64_t ticks() { return TWOFOLD_READ_SYSREG(CNTPCT_EL0); }

void open_console(const BootTree& tree) {
    const auto node = tree.uart();
    if (!node || !map_pages(address_space, node->registers, MapKind::device))
        stop_machine(1);
    uart.init(node->registers.start);
    constexpr std::uint64_t patience_per_second = 50;
    console.init(uart, ticks, TWOFOLD_READ_SYSREG(CNTFRQ_EL0) / patience_per_second);
    speaker.attach(console, "twofold");
    set_print_output([](std::string_view message) { speaker.write(message); });
    set_panic_output([](std::string_view message) {
        console.write_unlocked(message);
        uart.drain();
    });
}

void read_configuration(const BootTree& tree) {
    const auto parsed = Configuration::parse(tree.bootargs());
    if (!parsed)
        panic("the command line has an unknown or impossible word: {}\n", parsed.error());
    configuration = *parsed;
}

void init_gic(const BootTree& tree) {
    const auto node = tree.gic();
    if (!node)
        panic("the machine has no GICv3\n");
    if (!map_pages(address_space, node->distributor, MapKind::device) ||
        !map_pages(address_space, node->redistributors, MapKind::device) ||
        !gic.init(node->distributor.start, node->redistributors.start, node->redistributors.size))
        panic("the GIC cannot be used\n");
    if (!gic.init_cpu(0, this_cpu().mpidr))
        panic("the boot CPU has no redistributor\n");
}

[[noreturn]] void run_vcpus(PerCpu& cpu) {
    // Asleep until the boot CPU sends its SGI: spinning would slow an emulated machine down.
    while (!guests_are_ready.load(std::memory_order_acquire) || cpu.vcpu == nullptr)
        wait_for_interrupt();
    cpu.vcpu->guest->run(cpu.vcpu->index);
}

void secondary(PerCpu& cpu) {
    if (!gic.init_cpu(cpu.index, cpu.mpidr))
        panic("CPU {:#x} has no redistributor\n", cpu.mpidr);
    cpu.online.store(true, std::memory_order_release);
    run_vcpus(cpu);
}

CpuFeatures common_features() {
    CpuFeatures features = CpuFeatures::from(cpu(0).id_registers);
    for (unsigned i = 1; i < cpu_count(); ++i)
        features = CpuFeatures::common(features, CpuFeatures::from(cpu(i).id_registers));
    return features;
}

[[noreturn]] void main(const void* tree_address) {
    const auto tree = BootTree::make(tree_address);
    if (!tree)
        stop_machine(1);
    open_console(*tree);
    probe_semihosting();
    read_configuration(*tree);
    const BootModules modules = tree->modules();
    if (!fill_pool(*tree, modules, address_space, pool))
        panic("the memory map of the machine cannot be used\n");
    if (!pool.track())
        panic("the machine has no memory to speak of\n");
    init_gic(*tree);

    std::array<std::uint64_t, BootTree::max_cpus> mpidrs{};
    const std::size_t cpu_nodes = tree->cpus(mpidrs);
    start_other_cpus({mpidrs.data(), cpu_nodes}, address_space, secondary);
    print("{} CPU(s), MIDR {:#x}, {} MiB of memory in the pool\n", cpu_count(),
          TWOFOLD_READ_SYSREG(MIDR_EL1), pool.total_bytes() / MiB);

    const auto uart_node = tree->uart();
    const auto made = guests.init({.configuration = &configuration,
                                   .features = common_features(),
                                   .pool = &pool,
                                   .gic = &gic,
                                   .uart = &uart,
                                   .console = &console,
                                   .uart_interrupt = uart_node->interrupt},
                                  modules);
    if (!made)
        panic("guest {} cannot be made: {}\n", made.error().guest, made.error().reason);
    guests_are_ready.store(true, std::memory_order_release);
    guests.start();
    run_vcpus(this_cpu());
}

} // namespace

} // namespace twofold::hyp

extern "C" [[noreturn]] void start_primary(const void* tree) {
    using namespace twofold::hyp;
    // [23:20] Atomic of ID_AA64ISAR0_EL1: 2 is FEAT_LSE
    use_lse_atomics(((TWOFOLD_READ_SYSREG(ID_AA64ISAR0_EL1) >> 20) & 0xf) >= 2);
    TWOFOLD_WRITE_SYSREG(CPTR_EL2, 0x33ff); // libfdt uses vector registers
    adopt_boot_cpu();
    const std::uint64_t tree_size = BootTree::size_of(tree);
    const MemoryRange tree_range{reinterpret_cast<std::uintptr_t>(tree), tree_size};
    if (tree_size == 0 || !map_image(address_space) ||
        !map_pages(address_space, tree_range, MapKind::constant))
        stop_machine(1);
    // All of this was written with caches off; lines from before are stale.
    const MemoryRange image = image_range();
    invalidate_data_cache(image.start, image.size);
    address_space.activate();
    main(tree);
}
