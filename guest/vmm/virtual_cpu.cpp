// SPDX-License-Identifier: MIT
// The loop around KVM_RUN.
#include "virtual_cpu.hpp"

#include "console.hpp"
#include "die.hpp"
#include "layout.hpp"

#include <linux/kvm.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>

namespace twofold::vmm {

namespace {

constexpr std::uint64_t core_register(std::size_t offset) {
    return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(std::uint32_t);
}
constexpr std::uint64_t register_x0 = core_register(offsetof(kvm_regs, regs.regs[0]));
constexpr std::uint64_t register_pc = core_register(offsetof(kvm_regs, regs.pc));

// PL011: UARTDR, UARTFR with [7] transmit empty and [4] receive empty
constexpr std::uint64_t uart_data = uart.start;
constexpr std::uint64_t uart_flags = uart.start + 0x18;
constexpr std::uint32_t uart_idle = 1U << 7 | 1U << 4;

int make_cpu(const Machine& machine) {
    return checked(ioctl(machine.vm(), KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
}

} // namespace

VirtualCpu::VirtualCpu(const Machine& machine) : cpu_{make_cpu(machine)}, statistics_{cpu_} {
    void* const shared =
        mmap(nullptr, machine.run_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, cpu_, 0);
    if (shared == MAP_FAILED)
        die("the vCPU's shared memory");
    shared_ = static_cast<kvm_run*>(shared);
    kvm_vcpu_init target{};
    checked(ioctl(machine.vm(), KVM_ARM_PREFERRED_TARGET, &target), "KVM_ARM_PREFERRED_TARGET");
    target.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
    checked(ioctl(cpu_, KVM_ARM_VCPU_INIT, &target), "KVM_ARM_VCPU_INIT");
    machine.add_interrupt_controller();
    set(register_pc, machine.entry());
    set(register_x0, machine.tree());
}

std::uint64_t VirtualCpu::get(std::uint64_t number) const {
    std::uint64_t value = 0;
    kvm_one_reg request{.id = number, .addr = reinterpret_cast<std::uintptr_t>(&value)};
    checked(ioctl(cpu_, KVM_GET_ONE_REG, &request), "KVM_GET_ONE_REG");
    return value;
}

void VirtualCpu::set(std::uint64_t number, std::uint64_t value) const {
    kvm_one_reg request{.id = number, .addr = reinterpret_cast<std::uintptr_t>(&value)};
    checked(ioctl(cpu_, KVM_SET_ONE_REG, &request), "KVM_SET_ONE_REG");
}

void VirtualCpu::run() {
    for (;;) {
        const int result = ioctl(cpu_, KVM_RUN, 0);
        if (result < 0 && errno != EINTR)
            die("KVM_RUN");
        if (result < 0) {
            errno = 0;
        } else if (shared_->exit_reason == KVM_EXIT_MMIO) {
            emulate();
        } else if (shared_->exit_reason == KVM_EXIT_SYSTEM_EVENT) {
            return;
        } else {
            die("KVM_RUN returned for reason " + std::to_string(shared_->exit_reason));
        }
        answer();
    }
}

void VirtualCpu::answer() {
    std::unique_lock lock{mutex_};
    do {
        if (asked_) {
            pc_ = get(register_pc);
            asked_ = false;
            changed_.notify_all();
        }
        changed_.wait(lock, [this] { return asked_ || !paused_; });
    } while (asked_);
}

// Anything but the UART reads as 0 and forgets what is written.
void VirtualCpu::emulate() {
    auto& access = shared_->mmio;
    if (access.is_write != 0) {
        if (access.phys_addr == uart_data)
            write_character(static_cast<char>(access.data[0]));
        return;
    }
    const std::uint64_t value = access.phys_addr == uart_flags ? uart_idle : 0;
    std::memcpy(access.data, &value, access.len);
}

void VirtualCpu::write_character(char character) {
    ++written_;
    if (character == '\n') {
        say(line_);
        line_.clear();
    } else if (character != '\r') {
        line_ += character;
    }
}

// Until the guest has been left.
void VirtualCpu::ask(std::unique_lock<std::mutex>& lock) {
    asked_ = true;
    changed_.notify_all();
    // A signal that comes before KVM_RUN has begun is lost.
    while (asked_) {
        pthread_kill(thread_, SIGUSR1);
        changed_.wait_for(lock, std::chrono::milliseconds{100}, [this] { return !asked_; });
    }
}

std::uint64_t VirtualCpu::where() {
    std::unique_lock lock{mutex_};
    ask(lock);
    return pc_;
}

void VirtualCpu::pause() {
    std::unique_lock lock{mutex_};
    paused_ = true;
    ask(lock);
}

void VirtualCpu::resume() {
    const std::lock_guard lock{mutex_};
    paused_ = false;
    changed_.notify_all();
}

} // namespace twofold::vmm
