// SPDX-License-Identifier: MIT
// Guest: one virtual machine - its memory, vCPUs, interrupt controller, UART and monitor. Each vCPU
// has a physical CPU to itself; the guest's first one is where its input and its monitor are dealt
// with.
#pragma once

#include "boot/boot_tree.hpp"
#include "boot/configuration.hpp"
#include "cpu/per_cpu.hpp"
#include "cpu/spinlock.hpp"
#include "devices/console.hpp"
#include "devices/console_input.hpp"
#include "devices/keyboard.hpp"
#include "devices/mmio.hpp"
#include "devices/pl011.hpp"
#include "devices/virtual_uart.hpp"
#include "gic/hardware_cpu_interface.hpp"
#include "gic/physical_gic.hpp"
#include "gic/virtual_gic.hpp"
#include "guest/guest_ram.hpp"
#include "guest/vcpu.hpp"
#include "monitor/monitor.hpp"
#include "trace/tracer.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <string_view>

namespace twofold::hyp {

// How a guest ended, or that it goes on.
enum class GuestState : std::uint8_t { running, powered_off, resetting, stopped };

class Guests;

// What all guests share.
struct MachineParts {
    const Configuration* configuration = nullptr;
    CpuFeatures features; // common to all CPUs
    MemoryPool* pool = nullptr;
    PhysicalGic* gic = nullptr;
    Pl011* uart = nullptr;
    Console* console = nullptr;
    unsigned uart_interrupt = 0; // of the real UART
};

// What a guest is made from.
struct GuestParts : MachineParts {
    GuestParts() = default;
    constexpr explicit GuestParts(const MachineParts& machine) : MachineParts{machine} {}

    Guests* guests = nullptr; // this one among them
    const GuestConfiguration* own = nullptr;
    GuestModules modules;
    unsigned vmid = 0;
    unsigned first_cpu = 0; // of those that follow each other
    unsigned cpus = 0;
    Keyboard* keyboard = nullptr;
    std::string_view monitor_name; // in front of its monitor's lines
    std::string_view monitor_script;
    const char* trace_path = nullptr; // ends with a zero byte; empty: no trace
};

class Guest final : public VcpuKick {
public:
    static constexpr unsigned kick_sgi = 1;
    static constexpr unsigned physical_timer_interrupt = 30;

    constexpr Guest() : uart_line_{vgic_, uart_intid} {}

    // On the boot CPU. The error is a line for a person.
    std::expected<void, std::string_view> init(const GuestParts& parts);

    // On the CPU of each vCPU: waits until the vCPU is switched on and runs it. The stack of the
    // CPU is used from its top.
    [[noreturn]] void run(unsigned index);

    // Switches the first vCPU on at the kernel's entry.
    void start();

    // The first call decides. The caller is a vCPU of this guest and then calls leave().
    void end(GuestState state, std::string_view reason = {});
    bool is_running() const {
        return state_.load(std::memory_order_acquire) == GuestState::running;
    }
    // The calling vCPU is not in the guest any more; waits for what comes next.
    [[noreturn]] void leave(Vcpu& vcpu);

    // Takes all interrupts that are pending on this CPU.
    void take_interrupts(Vcpu& vcpu);

    // PSCI CPU_ON and AFFINITY_INFO; results as PSCI numbers them.
    std::int64_t switch_on(std::uint64_t mpidr, std::uint64_t entry, std::uint64_t context);
    std::int64_t affinity_info(std::uint64_t mpidr, std::uint64_t lowest_level) const;

    void kick(unsigned index) override;

    VirtualGic& vgic() { return vgic_; }
    GuestRam& memory() { return memory_; }
    Monitor& monitor() { return monitor_; }
    const MmioBus& bus() const { return bus_; }
    Vcpu& vcpu(unsigned index) { return vcpus_[index]; }
    unsigned vcpu_count() const { return vcpu_count_; }
    std::string_view name() const { return parts_.own->name; }
    const GuestParts& parts() const { return parts_; }
    GuestState state() const { return state_.load(std::memory_order_acquire); }
    std::string_view stop_reason() const { return stop_reason_; }
    std::uint64_t time_origin() const { return time_origin_; }
    // Once it has ended: how long it ran, from its last start.
    std::uint64_t ticks() const { return time_end_ - time_origin_; }
    // Once it has ended. False: the trace cannot be written; nothing to do if there is none.
    bool finish_trace();
    unsigned resets() const { return resets_; }

private:
    // As on QEMU's virt machine, which every Linux knows.
    static constexpr Ipa distributor_base{0x0800'0000};
    static constexpr Ipa redistributor_base{0x080a'0000};
    static constexpr Ipa uart_base{0x0900'0000};
    static constexpr unsigned uart_intid = 33;

    std::expected<void, std::string_view> init_devices();
    std::expected<void, std::string_view> load();
    std::expected<void, std::string_view> start_trace();
    bool place_vcpu(Vcpu& vcpu, std::uint64_t entry, std::uint64_t context);
    Vcpu* find(std::uint64_t mpidr);
    bool try_begin(Vcpu& vcpu);
    void run_monitor(const Vcpu& vcpu, bool on);
    bool load_again();
    [[noreturn]] void finish(Vcpu& leader);
    void wait_for_others(const Vcpu& leader);

    GuestParts parts_;
    GuestRam memory_;
    VirtualGic vgic_;
    KeyboardSeat seat_;
    ConsoleInput input_;
    VirtualUart uart_;
    SpiLine uart_line_;
    MmioBus bus_;
    HardwareCpuInterface cpu_interface_;
    ConsoleSpeaker speaker_;
    Monitor monitor_;
    Tracer tracer_;

    Spinlock lock_; // states of the guest and its vCPUs
    std::atomic<GuestState> state_{GuestState::running};
    std::string_view stop_reason_;
    Vcpu* leader_ = nullptr;
    std::array<Vcpu, max_cpus> vcpus_;
    std::array<std::uint64_t, max_cpus> mpidrs_{};
    unsigned vcpu_count_ = 0;
    std::uint64_t time_origin_ = 0;
    std::uint64_t time_end_ = 0;
    unsigned resets_ = 0;

    Ipa kernel_entry_;
    Ipa tree_address_;
};

} // namespace twofold::hyp
