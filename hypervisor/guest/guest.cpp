// SPDX-License-Identifier: MIT
// The life of a guest and of its vCPUs.
#include "guest/guest.hpp"

#include "gic/affinity.hpp"
#include "guest/guests.hpp"
#include "guest/loader.hpp"
#include "guest/vcpu_registers.hpp"
#include "runtime/print.hpp"

extern "C" [[noreturn]] void enter_guest(twofold::hyp::TrapFrame* frame);

namespace twofold::hyp {

namespace {

namespace psci {
constexpr std::int64_t success = 0;
constexpr std::int64_t invalid_parameters = -2;
constexpr std::int64_t already_on = -4;
constexpr std::int64_t on_pending = -5;
constexpr std::int64_t invalid_address = -9;
} // namespace psci

// A trap finds its frame there too: see vectors.S.
TrapFrame& frame_of(const PerCpu& cpu) {
    return *reinterpret_cast<TrapFrame*>(cpu.stack_top - sizeof(TrapFrame));
}

} // namespace

std::expected<void, std::string_view> Guest::init(const GuestParts& parts) {
    parts_ = parts;
    vcpu_count_ = parts.cpus;
    for (unsigned i = 0; i < vcpu_count_; ++i) {
        PerCpu& cpu = hyp::cpu(parts.first_cpu + i);
        mpidrs_[i] = i; // Aff0
        vcpus_[i].guest = this;
        vcpus_[i].index = i;
        vcpus_[i].cpu = cpu.index;
        vcpus_[i].mpidr = mpidrs_[i];
        cpu.vcpu = &vcpus_[i];
    }
    if (auto made = memory_.init(*parts.own, parts.features, parts.vmid, *parts.pool); !made)
        return made;
    if (auto made = init_devices(); !made)
        return made;
    if (auto loaded = load(); !loaded)
        return loaded;
    return start_trace();
}

std::expected<void, std::string_view> Guest::start_trace() {
    if (*parts_.trace_path == '\0')
        return {};
    if (!traced_build)
        return std::unexpected("this build of the hypervisor cannot trace");
    return tracer_.init(parts_.trace_path, parts_.configuration->trace_limit, parts_.first_cpu,
                        vcpu_count_, *parts_.pool);
}

bool Guest::finish_trace() {
    if (!traced_build || !tracer_.is_on() || tracer_.finish())
        return true;
    print("the trace cannot be written to {}\n", parts_.trace_path);
    return false;
}

std::expected<void, std::string_view> Guest::init_devices() {
    std::array<VirtualCpuInterface*, max_cpus> interfaces{};
    interfaces.fill(&cpu_interface_);
    if (!vgic_.init({.distributor = distributor_base,
                     .redistributors = redistributor_base,
                     .mpidrs = {mpidrs_.data(), vcpu_count_},
                     .cpu_interfaces = {interfaces.data(), vcpu_count_},
                     .kick = this}) ||
        !speaker_.attach(*parts_.console, name()) ||
        !monitor_.init(memory_, seat_, *parts_.console, parts_.monitor_name, parts_.monitor_script,
                       parts_.configuration->monitor_calls) ||
        !seat_.sit(*parts_.keyboard, name(), vcpus_[0].cpu, input_))
        return std::unexpected("its devices cannot be made");
    input_.init(seat_, monitor_);
    uart_.init(uart_base, speaker_, input_, uart_line_);
    if (!bus_.add(vgic_.distributor()) || !bus_.add(vgic_.redistributors()) || !bus_.add(uart_))
        return std::unexpected("its devices overlap");
    parts_.gic->enable(vcpus_[0].cpu, hypervisor_timer_interrupt);
    return {};
}

std::expected<void, std::string_view> Guest::load() {
    const GuestTree tree{.memory = parts_.own->base,
                         .memory_size = parts_.own->memory,
                         .mpidrs = {mpidrs_.data(), vcpu_count_},
                         .bootargs = parts_.modules.bootargs,
                         .initrd = {},
                         .initrd_size = parts_.modules.initrd.size,
                         .distributor = distributor_base,
                         .redistributors = redistributor_base,
                         .uart = uart_base,
                         .uart_interrupt = uart_intid};
    const auto loaded = load_linux(memory_, parts_.modules, tree);
    if (!loaded)
        return std::unexpected(loaded.error());
    kernel_entry_ = loaded->entry;
    tree_address_ = loaded->tree;
    return {};
}

void Guest::start() {
    time_origin_ = TWOFOLD_READ_SYSREG(CNTPCT_EL0);
    if (traced_build && tracer_.is_on() && resets_ == 0)
        tracer_.begin(time_origin_, memory_.vtcr().value);
    {
        const LockGuard guard{lock_};
        place_vcpu(vcpus_[0], kernel_entry_.value, tree_address_.value);
        leader_ = nullptr;
        state_.store(GuestState::running, std::memory_order_release);
    }
    kick(0);
}

bool Guest::place_vcpu(Vcpu& vcpu, std::uint64_t entry, std::uint64_t context) {
    if (vcpu.state.load(std::memory_order_relaxed) != VcpuState::off)
        return false;
    vcpu.entry = entry;
    vcpu.context = context;
    vcpu.state.store(VcpuState::starting, std::memory_order_release);
    return true;
}

bool Guest::try_begin(Vcpu& vcpu) {
    const LockGuard guard{lock_};
    if (vcpu.state.load(std::memory_order_relaxed) != VcpuState::starting || !is_running())
        return false;
    vcpu.state.store(VcpuState::on, std::memory_order_release);
    return true;
}

void Guest::run(unsigned index) {
    Vcpu& vcpu = vcpus_[index];
    memory_.leave(index);
    while (!try_begin(vcpu)) {
        wait_for_interrupt();
        take_interrupts(vcpu);
    }
    set_el2_controls({.fwb = memory_.fwb(), .time_origin = time_origin_, .affinity = vcpu.mpidr});
    memory_.activate();
    TrapFrame& frame = frame_of(this_cpu());
    reset_el1(frame, vcpu.entry, vcpu.context);
    vcpu.repeated_aborts = 0;
    vgic_.reset_cpu(index);
    parts_.gic->enable(vcpu.cpu, virtual_timer_interrupt);
    parts_.gic->enable(vcpu.cpu, physical_timer_interrupt);
    parts_.gic->enable(vcpu.cpu, maintenance_interrupt);
    if (index == 0)
        monitor_.start();
    vgic_.on_guest_enter(index);
    enter_guest(&frame);
}

void Guest::leave(Vcpu& vcpu) {
    stop_guest_timers();
    bool leads = false;
    {
        const LockGuard guard{lock_};
        vcpu.state.store(VcpuState::off, std::memory_order_release);
        leads = !is_running() && leader_ == &vcpu;
    }
    if (leads)
        finish(vcpu);
    run(vcpu.index);
}

void Guest::end(GuestState state, std::string_view reason) {
    {
        const LockGuard guard{lock_};
        if (!is_running())
            return;
        leader_ = this_cpu().vcpu;
        stop_reason_ = reason;
        state_.store(state, std::memory_order_release);
    }
    for (unsigned i = 0; i < vcpu_count_; ++i)
        kick(i);
}

void Guest::wait_for_others(const Vcpu& leader) {
    for (Vcpu& other : vcpus_) {
        if (&other == &leader)
            continue;
        // One that was about to start does not any more; one that runs comes out by its kick.
        while (other.state.load(std::memory_order_acquire) != VcpuState::off) {
            const LockGuard guard{lock_};
            if (other.state.load(std::memory_order_relaxed) == VcpuState::starting)
                other.state.store(VcpuState::off, std::memory_order_release);
        }
    }
}

void Guest::finish(Vcpu& leader) {
    wait_for_others(leader);
    monitor_.stop();
    if (state() == GuestState::resetting && load_again())
        run(leader.index);
    time_end_ = TWOFOLD_READ_SYSREG(CNTPCT_EL0);
    if (state() == GuestState::powered_off)
        print("guest {} powered off\n", name());
    else
        print("guest {} stopped: {}\n", name(), stop_reason_);
    if (const auto checks = memory_.checks())
        print("checked {} events, {} reports\n", checks->events, checks->reports);
    const std::string_view next = seat_.leave();
    parts_.guests->one_has_ended();
    // The others go on.
    if (!next.empty())
        print("what is typed is for guest {} now\n", next);
    run(leader.index);
}

// False: there is no memory for it any more, and it is stopped.
bool Guest::load_again() {
    print("guest {} resets\n", name());
    ++resets_;
    memory_.reset();
    vgic_.reset();
    uart_.reset();
    if (const auto loaded = load(); !loaded) {
        stop_reason_ = loaded.error();
        state_.store(GuestState::stopped, std::memory_order_release);
        return false;
    }
    start();
    return true;
}

void Guest::take_interrupts(Vcpu& vcpu) {
    PhysicalGic& gic = *parts_.gic;
    const bool on = vcpu.state.load(std::memory_order_relaxed) == VcpuState::on;
    for (;;) {
        const unsigned intid = gic.acknowledge();
        if (intid >= PhysicalGic::first_special)
            return;
        ++this_cpu().counters.interrupts;
        gic.end_of_interrupt(intid);
        if ((intid == virtual_timer_interrupt || intid == physical_timer_interrupt) && on) {
            vgic_.inject_hardware(vcpu.index, intid, intid);
            continue;
        }
        if (intid == hypervisor_timer_interrupt) {
            run_monitor(vcpu, on);
        } else if (intid == parts_.uart_interrupt) {
            input_.receive();
            uart_.receive();
        }
        gic.deactivate(intid);
    }
}

// A CPU whose vCPU is off is not where it may look at tables.
void Guest::run_monitor(const Vcpu& vcpu, bool on) {
    if (!on)
        memory_.enter(vcpu.index);
    monitor_.run();
    if (!on)
        memory_.leave(vcpu.index);
}

Vcpu* Guest::find(std::uint64_t mpidr) {
    for (unsigned i = 0; i < vcpu_count_; ++i) {
        if (vcpus_[i].mpidr == (mpidr & affinity_mask) && (mpidr & ~affinity_mask) == 0)
            return &vcpus_[i];
    }
    return nullptr;
}

std::int64_t Guest::switch_on(std::uint64_t mpidr, std::uint64_t entry, std::uint64_t context) {
    Vcpu* vcpu = find(mpidr);
    if (vcpu == nullptr)
        return psci::invalid_parameters;
    if (!memory_.contains(Ipa{entry}))
        return psci::invalid_address;
    {
        const LockGuard guard{lock_};
        if (!place_vcpu(*vcpu, entry, context))
            return vcpu->state.load(std::memory_order_relaxed) == VcpuState::on ? psci::already_on
                                                                                : psci::on_pending;
    }
    kick(vcpu->index);
    return psci::success;
}

std::int64_t Guest::affinity_info(std::uint64_t mpidr, std::uint64_t lowest_level) const {
    const Vcpu* vcpu = const_cast<Guest*>(this)->find(mpidr);
    if (vcpu == nullptr || lowest_level != 0)
        return psci::invalid_parameters;
    switch (vcpu->state.load(std::memory_order_acquire)) {
    case VcpuState::on:
        return 0;
    case VcpuState::off:
        return 1;
    case VcpuState::starting:
        return 2;
    }
    return psci::invalid_parameters;
}

void Guest::kick(unsigned index) {
    const Vcpu& vcpu = vcpus_[index];
    if (vcpu.cpu != this_cpu().index)
        parts_.gic->send_sgi(vcpu.cpu, kick_sgi);
}

} // namespace twofold::hyp
