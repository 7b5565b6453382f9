// SPDX-License-Identifier: MIT
// From interrupt state to list registers and back.
#include "gic/list_registers.hpp"

#include "gic/gic_registers.hpp"
#include "gic/list_register.hpp"

#include <algorithm>
#include <bit>

namespace twofold::hyp {

namespace {

struct Place {
    InterruptBank& bank;
    unsigned bit;
    std::uint32_t mask;
};

Place place_of(GicState& gic, unsigned vcpu, unsigned intid) {
    const unsigned bit = intid % InterruptBank::size;
    return {*gic.find_bank(vcpu, intid), bit, std::uint32_t{1} << bit};
}

struct Candidate {
    std::uint16_t intid = 0;
    std::uint8_t priority = 0;
    bool active = false;

    // Active ones first: what the guest ends or deactivates should be found in a list register.
    constexpr bool operator<(const Candidate& other) const {
        if (active != other.active)
            return active;
        return priority != other.priority ? priority < other.priority : intid < other.intid;
    }
};

class Selection {
public:
    explicit Selection(unsigned limit) : limit_{limit} {}

    void add(const Candidate& candidate) {
        ++(candidate.active ? active_ : pending_);
        if (!candidate.active && (pending_ == 1 || candidate < most_urgent_))
            most_urgent_ = candidate;
        Candidate* const end = chosen_.data() + count_;
        Candidate* const at = std::upper_bound(chosen_.data(), end, candidate);
        if (count_ < limit_)
            ++count_;
        else if (at == end)
            return;
        std::move_backward(at, chosen_.data() + count_ - 1, chosen_.data() + count_);
        *at = candidate;
    }

    // Active interrupts must not keep out a more urgent one that is pending.
    void make_room_for_pending() {
        if (pending_ != 0 && count_ != 0 && chosen_[count_ - 1].active)
            chosen_[count_ - 1] = most_urgent_;
    }

    unsigned count() const { return count_; }
    const Candidate& operator[](unsigned index) const { return chosen_[index]; }
    bool all_active_listed() const { return listed(true) == active_; }
    bool all_pending_listed() const { return listed(false) == pending_; }

private:
    unsigned listed(bool active) const {
        return static_cast<unsigned>(std::count_if(
            chosen_.begin(), chosen_.begin() + count_,
            [active](const Candidate& candidate) { return candidate.active == active; }));
    }

    std::array<Candidate, max_list_registers> chosen_{};
    Candidate most_urgent_;
    unsigned limit_;
    unsigned count_ = 0;
    unsigned active_ = 0;
    unsigned pending_ = 0;
};

// Pending, enabled and in an enabled group.
std::uint32_t deliverable(const GicState& gic, const InterruptBank& bank) {
    std::uint32_t groups = 0;
    if (gicd::EnableGroup0::is_set(gic.groups_enabled))
        groups |= ~bank.group;
    if (gicd::EnableGroup1::is_set(gic.groups_enabled))
        groups |= bank.group;
    return bank.pending() & bank.enabled & groups & ~bank.held;
}

// The SPIs of a mask that belong to the vCPU by `owner`: where they are routed, or where they are.
std::uint32_t owned(std::uint32_t mask, unsigned vcpu,
                    const std::array<std::uint8_t, shared_interrupts>& owner, unsigned n) {
    std::uint32_t mine = 0;
    for (; mask != 0; mask &= mask - 1) {
        const unsigned bit = static_cast<unsigned>(std::countr_zero(mask));
        if (owner[n * InterruptBank::size + bit] == vcpu)
            mine |= std::uint32_t{1} << bit;
    }
    return mine;
}

std::uint32_t active_here(const GicState& gic, unsigned vcpu, unsigned n) {
    return owned(gic.shared[n].active & ~gic.shared[n].resident, vcpu, gic.holder, n);
}

std::uint32_t pending_here(const GicState& gic, unsigned vcpu, unsigned n) {
    const InterruptBank& bank = gic.shared[n];
    return owned(deliverable(gic, bank) & ~bank.active & ~bank.resident, vcpu, gic.target, n);
}

std::uint32_t private_pending(const GicState& gic, unsigned vcpu) {
    const VcpuInterrupts& cpu = gic.vcpus[vcpu];
    return deliverable(gic, cpu.bank) & ~cpu.bank.active & ~cpu.bank.resident;
}

template <typename Take>
void for_each_bit(std::uint32_t mask, Take take) {
    for (; mask != 0; mask &= mask - 1)
        take(static_cast<unsigned>(std::countr_zero(mask)));
}

void add_all(Selection& selection, const InterruptBank& bank, unsigned first, std::uint32_t mask,
             bool active) {
    for_each_bit(mask, [&](unsigned bit) {
        selection.add({static_cast<std::uint16_t>(first + bit), bank.priority[bit], active});
    });
}

Selection select(const GicState& gic, unsigned vcpu) {
    const VcpuInterrupts& cpu = gic.vcpus[vcpu];
    Selection selection{cpu.list_registers};
    add_all(selection, cpu.bank, 0, cpu.bank.active & ~cpu.bank.held, true);
    if (!cpu.asleep)
        add_all(selection, cpu.bank, 0, private_pending(gic, vcpu), false);
    for (unsigned n = 0; n < shared_banks; ++n) {
        const InterruptBank& bank = gic.shared[n];
        const unsigned first = private_interrupts + n * InterruptBank::size;
        add_all(selection, bank, first, active_here(gic, vcpu, n) & ~bank.held, true);
        if (!cpu.asleep)
            add_all(selection, bank, first, pending_here(gic, vcpu, n), false);
    }
    selection.make_room_for_pending();
    return selection;
}

ListRegister make_entry(const GicState& gic, const Candidate& candidate, const Place& place) {
    const InterruptBank& bank = place.bank;
    const bool edge = (bank.edge & place.mask) != 0;
    const bool hardware = (bank.hardware & place.mask) != 0;
    std::uint64_t value = ListRegister::VirtualId::of(candidate.intid) |
                          ListRegister::Priority::of(candidate.priority) |
                          ListRegister::Group::of((bank.group & place.mask) != 0);
    bool pending = !candidate.active;
    if (hardware) {
        value |=
            ListRegister::Hardware::of(1) | ListRegister::PhysicalId::of(bank.physical[place.bit]);
    } else if (edge) {
        // Active and pending again is for edges only; a line is looked at when the guest is done.
        pending = pending || (deliverable(gic, bank) & place.mask) != 0;
    } else {
        value |= ListRegister::EndOfInterrupt::of(1);
    }
    return {value | ListRegister::Active::of(candidate.active) |
            ListRegister::Pending::of(pending)};
}

void release_physical(InterruptBank& bank, VirtualCpuInterface& interface) {
    for_each_bit(bank.release,
                 [&](unsigned bit) { interface.deactivate_physical(bank.physical[bit]); });
    bank.release = 0;
}

void deactivate(GicState& gic, unsigned vcpu, unsigned intid) {
    const Place place = place_of(gic, vcpu, intid);
    place.bank.release |= place.bank.hardware & place.mask;
    place.bank.active &= ~place.mask;
    if (intid >= private_interrupts)
        gic.announce_shared(intid / InterruptBank::size - 1, place.mask);
}

// Deactivations that found no list register: they went by priority, the most urgent first.
void end_unlisted(GicState& gic, unsigned vcpu, std::uint64_t count) {
    for (; count != 0; --count) {
        Selection active{1};
        const InterruptBank& own = gic.vcpus[vcpu].bank;
        add_all(active, own, 0, own.active & ~own.resident, true);
        for (unsigned n = 0; n < shared_banks; ++n)
            add_all(active, gic.shared[n], private_interrupts + n * InterruptBank::size,
                    active_here(gic, vcpu, n), true);
        if (active.count() == 0)
            return;
        deactivate(gic, vcpu, active[0].intid);
    }
}

} // namespace

void sample_physical_lines(GicState& gic, unsigned vcpu) {
    VcpuInterrupts& cpu = gic.vcpus[vcpu];
    InterruptBank& bank = cpu.bank;
    for_each_bit(bank.line & bank.hardware & ~bank.active & ~bank.resident, [&](unsigned bit) {
        if (cpu.interface->physical_line(bank.physical[bit]))
            return;
        bank.line &= ~(std::uint32_t{1} << bit);
        cpu.interface->deactivate_physical(bank.physical[bit]);
    });
}

void fold_list_registers(GicState& gic, unsigned vcpu) {
    VcpuInterrupts& cpu = gic.vcpus[vcpu];
    if (cpu.list_registers == 0 || (cpu.used == 0 && cpu.control == ich_hcr::Enable::mask))
        return;
    if (ich_hcr::EntryNotPresent::is_set(cpu.control))
        end_unlisted(gic, vcpu, ich_hcr::EndCount::get(cpu.interface->read_control()));
    // No maintenance interrupt while the list registers are empty; EOIcount starts at 0 again.
    cpu.control = ich_hcr::Enable::mask;
    cpu.interface->write_control(cpu.control);

    for (unsigned i = 0; i < cpu.used; ++i) {
        const ListRegister entry{cpu.interface->read_list_register(i)};
        cpu.interface->write_list_register(i, 0);
        const unsigned intid = cpu.listed[i];
        const auto [bank, bit, mask] = place_of(gic, vcpu, intid);
        bank.resident &= ~mask;
        bank.active = entry.active() ? bank.active | mask : bank.active & ~mask;
        if (!entry.pending()) {
            // A physical line is served until the guest deactivates it; then it is a new interrupt.
            bank.line &= ~(mask & bank.hardware);
        } else if (((cpu.lent >> i) & 1) != 0) {
            bank.latched |= mask;
        }
        if (intid >= private_interrupts && !entry.active())
            gic.announce_shared(intid / InterruptBank::size - 1, mask);
    }
    cpu.used = 0;
    cpu.stale.store(true, std::memory_order_relaxed);
    cpu.folds.fetch_add(1, std::memory_order_relaxed);
}

void fill_list_registers(GicState& gic, unsigned vcpu) {
    VcpuInterrupts& cpu = gic.vcpus[vcpu];
    if (cpu.list_registers == 0)
        return;
    fold_list_registers(gic, vcpu);
    cpu.stale.store(false, std::memory_order_relaxed);
    release_physical(cpu.bank, *cpu.interface);
    for (InterruptBank& bank : gic.shared)
        release_physical(bank, *cpu.interface);
    sample_physical_lines(gic, vcpu);

    const Selection selection = select(gic, vcpu);
    cpu.lent = 0;
    for (unsigned i = 0; i < selection.count(); ++i) {
        const Candidate& candidate = selection[i];
        const Place place = place_of(gic, vcpu, candidate.intid);
        const ListRegister entry = make_entry(gic, candidate, place);
        if (entry.pending() && (place.bank.latched & place.mask) != 0) {
            place.bank.latched &= ~place.mask;
            cpu.lent |= 1u << i;
        }
        cpu.interface->write_list_register(i, entry.value);
        cpu.listed[i] = candidate.intid;
        place.bank.resident |= place.mask;
        if (candidate.intid >= private_interrupts)
            gic.holder[candidate.intid - private_interrupts] = static_cast<std::uint8_t>(vcpu);
    }
    cpu.used = selection.count();

    std::uint64_t control = ich_hcr::Enable::mask;
    if (!selection.all_pending_listed())
        control |= ich_hcr::NoPending::mask;
    if (!selection.all_active_listed()) {
        control |= ich_hcr::EntryNotPresent::mask;
        if (ich_vmcr::EndMode::is_set(cpu.interface->read_machine_control()) &&
            ich_vtr::TrapDeactivateSupport::is_set(cpu.interface->type()))
            control |= ich_hcr::TrapDeactivate::mask;
    }
    if (control != cpu.control) {
        cpu.control = control;
        cpu.interface->write_control(control);
    }
}

void deactivate_unlisted(GicState& gic, unsigned vcpu, unsigned intid) {
    const InterruptBank* const bank = gic.find_bank(vcpu, intid);
    if (bank == nullptr || ((bank->active >> (intid % InterruptBank::size)) & 1) == 0)
        return;
    if (intid >= private_interrupts && gic.holder[intid - private_interrupts] != vcpu)
        return;
    deactivate(gic, vcpu, intid);
    gic.refresh(vcpu);
}

bool has_pending_interrupt(GicState& gic, unsigned vcpu) {
    if (gic.vcpus[vcpu].asleep)
        return false;
    sample_physical_lines(gic, vcpu);
    std::uint32_t pending = private_pending(gic, vcpu);
    for (unsigned n = 0; n < shared_banks; ++n)
        pending |= pending_here(gic, vcpu, n);
    return pending != 0;
}

} // namespace twofold::hyp
