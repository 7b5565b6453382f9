// SPDX-License-Identifier: MIT
// What EL2 tells the virtual GIC, under its lock.
#include "gic/virtual_gic.hpp"

#include "gic/affinity.hpp"
#include "gic/list_register.hpp"

#include <algorithm>

namespace twofold::hyp {

namespace {

constexpr std::uint32_t sgis = 0xffff;

std::uint32_t bit_of(unsigned intid) { return std::uint32_t{1} << (intid % InterruptBank::size); }

// Physical interrupts that the guest had not finished stay to be deactivated.
void reset_bank(InterruptBank& bank, std::uint32_t edge) {
    InterruptBank fresh;
    fresh.edge = edge;
    fresh.release = bank.release | (bank.hardware & (bank.line | bank.active));
    fresh.hardware = bank.hardware;
    fresh.physical = bank.physical;
    bank = fresh;
}

} // namespace

bool VirtualGic::init(const VirtualGicConfig& config) {
    const std::size_t count = config.mpidrs.size();
    if (count == 0 || count > max_vcpus || config.cpu_interfaces.size() != count ||
        config.kick == nullptr)
        return false;
    state_.vcpu_count = static_cast<unsigned>(count);
    state_.kick = config.kick;
    for (std::size_t i = 0; i < count; ++i) {
        state_.vcpus[i].affinity = affinity_of(config.mpidrs[i]);
        state_.vcpus[i].interface = config.cpu_interfaces[i];
    }
    distributor_.init(config.distributor);
    redistributors_.init(config.redistributors, state_.vcpu_count);
    reset();
    return true;
}

void VirtualGic::reset() {
    const LockGuard guard{state_.lock};
    state_.groups_enabled = 0;
    for (unsigned vcpu = 0; vcpu < state_.vcpu_count; ++vcpu) {
        reset_bank(state_.vcpus[vcpu].bank, sgis);
        state_.vcpus[vcpu].asleep = true;
        state_.vcpus[vcpu].stale.store(true, std::memory_order_relaxed);
    }
    for (InterruptBank& bank : state_.shared)
        reset_bank(bank, 0);
    state_.route.fill(0);
    state_.target.fill(static_cast<std::uint8_t>(state_.vcpu_of_affinity(0)));
    state_.holder.fill(GicState::nobody);
}

void VirtualGic::reset_cpu(unsigned vcpu) {
    if (!is_vcpu(vcpu))
        return;
    const LockGuard guard{state_.lock};
    fold_list_registers(state_, vcpu);
    VcpuInterrupts& cpu = state_.vcpus[vcpu];
    cpu.interface->reset();
    cpu.list_registers = static_cast<unsigned>(std::min<std::uint64_t>(
        ich_vtr::ListRegs::get(cpu.interface->type()) + 1, max_list_registers));
    for (unsigned i = 0; i < cpu.list_registers; ++i)
        cpu.interface->write_list_register(i, 0);
    cpu.control = ich_hcr::Enable::mask;
    cpu.interface->write_control(cpu.control);
    cpu.stale.store(true, std::memory_order_relaxed);
}

void VirtualGic::on_guest_exit(unsigned vcpu) {
    if (!is_vcpu(vcpu))
        return;
    // Only this CPU changes these two.
    const VcpuInterrupts& cpu = state_.vcpus[vcpu];
    if (cpu.used == 0 && cpu.control == ich_hcr::Enable::mask)
        return;
    const LockGuard guard{state_.lock};
    fold_list_registers(state_, vcpu);
}

void VirtualGic::on_guest_enter(unsigned vcpu) {
    if (!is_vcpu(vcpu) || !state_.vcpus[vcpu].stale.load(std::memory_order_acquire))
        return;
    const LockGuard guard{state_.lock};
    fill_list_registers(state_, vcpu);
}

bool VirtualGic::has_pending(unsigned vcpu) {
    if (!is_vcpu(vcpu))
        return false;
    const LockGuard guard{state_.lock};
    return has_pending_interrupt(state_, vcpu);
}

void VirtualGic::set_level(unsigned intid, bool level) {
    if (intid < private_interrupts || intid >= interrupt_limit)
        return;
    const LockGuard guard{state_.lock};
    const unsigned n = intid / InterruptBank::size - 1;
    state_.shared[n].set_line(bit_of(intid), level);
    state_.announce_shared(n, bit_of(intid));
}

void VirtualGic::inject(unsigned intid) {
    if (intid < private_interrupts || intid >= interrupt_limit)
        return;
    const LockGuard guard{state_.lock};
    const unsigned n = intid / InterruptBank::size - 1;
    state_.shared[n].latched |= bit_of(intid);
    state_.announce_shared(n, bit_of(intid));
}

void VirtualGic::set_level(unsigned vcpu, unsigned intid, bool level) {
    if (!is_vcpu(vcpu) || intid >= private_interrupts)
        return;
    const LockGuard guard{state_.lock};
    state_.vcpus[vcpu].bank.set_line(bit_of(intid), level);
    state_.refresh(vcpu);
}

void VirtualGic::inject(unsigned vcpu, unsigned intid) {
    if (!is_vcpu(vcpu) || intid >= private_interrupts)
        return;
    const LockGuard guard{state_.lock};
    state_.vcpus[vcpu].bank.latched |= bit_of(intid);
    state_.refresh(vcpu);
}

void VirtualGic::inject_hardware(unsigned vcpu, unsigned intid, unsigned physical_intid) {
    if (!is_vcpu(vcpu))
        return;
    const LockGuard guard{state_.lock};
    InterruptBank* const bank = state_.find_bank(vcpu, intid);
    if (bank == nullptr) {
        state_.vcpus[vcpu].interface->deactivate_physical(physical_intid);
        return;
    }
    bank->hardware |= bit_of(intid);
    bank->physical[intid % InterruptBank::size] = static_cast<std::uint16_t>(physical_intid);
    bank->line |= bit_of(intid);
    if (intid < private_interrupts)
        state_.refresh(vcpu);
    else
        state_.announce_shared(intid / InterruptBank::size - 1, bit_of(intid));
}

void VirtualGic::write_sgi(unsigned vcpu, SgiRegister which, std::uint64_t value) {
    if (!is_vcpu(vcpu))
        return;
    const std::uint32_t bit = bit_of(static_cast<unsigned>(SgiTargets::Interrupt::get(value)));
    const LockGuard guard{state_.lock};
    for (unsigned other = 0; other < state_.vcpu_count; ++other) {
        VcpuInterrupts& cpu = state_.vcpus[other];
        const bool named = SgiTargets::AllButSelf::is_set(value)
                               ? other != vcpu
                               : SgiTargets::name(value, cpu.affinity);
        // With one security state, the registers for the other one make group 0 interrupts only.
        const bool allowed = which == SgiRegister::sgi1r || (cpu.bank.group & bit) == 0;
        if (!named || !allowed)
            continue;
        cpu.bank.latched |= bit;
        state_.refresh(other);
    }
}

void VirtualGic::deactivate(unsigned vcpu, std::uint64_t value) {
    if (!is_vcpu(vcpu))
        return;
    const LockGuard guard{state_.lock};
    deactivate_unlisted(state_, vcpu, static_cast<unsigned>(value & 0xffffff));
}

} // namespace twofold::hyp
