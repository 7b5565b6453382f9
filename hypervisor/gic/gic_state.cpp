// SPDX-License-Identifier: MIT
// Finding interrupts and vCPUs, and making vCPUs notice a change.
#include "gic/gic_state.hpp"

#include "gic/list_registers.hpp"

#include <bit>

namespace twofold::hyp {

InterruptBank* GicState::find_bank(unsigned vcpu, unsigned intid) {
    if (intid < private_interrupts)
        return vcpu < vcpu_count ? &vcpus[vcpu].bank : nullptr;
    if (intid < interrupt_limit)
        return &shared[(intid - private_interrupts) / InterruptBank::size];
    return nullptr;
}

unsigned GicState::vcpu_of_affinity(std::uint64_t affinity) const {
    for (unsigned vcpu = 0; vcpu < vcpu_count; ++vcpu) {
        if (vcpus[vcpu].affinity == affinity)
            return vcpu;
    }
    return nobody;
}

void GicState::refresh(unsigned vcpu) {
    // Who finds it set already relies on the kick of whoever set it, or on the vCPU's own way back
    // to the guest.
    if (!vcpus[vcpu].stale.exchange(true, std::memory_order_acq_rel))
        kick->kick(vcpu);
}

void GicState::announce_shared(unsigned n, std::uint32_t mask) {
    const InterruptBank& bank = shared[n];
    const std::uint32_t placed = bank.resident | bank.active;
    std::uint32_t rest = mask & (bank.pending() | placed);
    for (; rest != 0; rest &= rest - 1) {
        const unsigned bit = static_cast<unsigned>(std::countr_zero(rest));
        const unsigned index = n * InterruptBank::size + bit;
        const unsigned vcpu = ((placed >> bit) & 1) != 0 ? holder[index] : target[index];
        if (vcpu < vcpu_count)
            refresh(vcpu);
    }
}

void GicState::announce_all() {
    for (unsigned vcpu = 0; vcpu < vcpu_count; ++vcpu)
        refresh(vcpu);
}

template <typename HolderOf>
bool GicState::hold(unsigned self, InterruptBank& bank, std::uint32_t mask, HolderOf holder_of) {
    if ((bank.resident & mask) == 0)
        return false;
    for (;;) {
        bank.held |= mask;
        std::uint32_t holders = 0;
        for (std::uint32_t rest = bank.resident & mask; rest != 0; rest &= rest - 1)
            holders |= std::uint32_t{1} << holder_of(static_cast<unsigned>(std::countr_zero(rest)));
        std::array<std::uint32_t, max_vcpus> folds{};
        for (std::uint32_t rest = holders; rest != 0; rest &= rest - 1) {
            const unsigned vcpu = static_cast<unsigned>(std::countr_zero(rest));
            folds[vcpu] = vcpus[vcpu].folds.load(std::memory_order_relaxed);
            if (vcpu == self)
                fold_list_registers(*this, vcpu);
            else
                kick->kick(vcpu);
        }
        if ((bank.resident & mask) == 0)
            break;
        // The others are in the guest, or about to be with the kick pending; whoever is at EL2 has
        // folded on its way in, or is there for an exit that waits for no vCPU. So nobody can wait
        // for us here.
        lock.unlock();
        for (; holders != 0; holders &= holders - 1) {
            const unsigned vcpu = static_cast<unsigned>(std::countr_zero(holders));
            while (vcpus[vcpu].folds.load(std::memory_order_relaxed) == folds[vcpu])
                cpu_relax();
        }
        lock.lock();
    }
    bank.held &= ~mask;
    return true;
}

// Who filled its list registers meanwhile has left out whatever was held, resident before or not.
void GicState::recall_private(unsigned self, unsigned vcpu, std::uint32_t mask) {
    if (hold(self, vcpus[vcpu].bank, mask, [vcpu](unsigned) { return vcpu; }))
        refresh(vcpu);
}

void GicState::recall_shared(unsigned self, unsigned n, std::uint32_t mask) {
    const auto holder_of = [this, n](unsigned bit) {
        return unsigned{holder[n * InterruptBank::size + bit]};
    };
    if (hold(self, shared[n], mask, holder_of))
        announce_shared(n, mask);
}

} // namespace twofold::hyp
