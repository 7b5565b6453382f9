// SPDX-License-Identifier: MIT
// The registers of the GICR frames.
#include "gic/redistributor.hpp"

#include "gic/affinity.hpp"
#include "gic/gic_registers.hpp"
#include "gic/identification.hpp"
#include "gic/list_registers.hpp"

namespace twofold::hyp {

bool Redistributors::access(unsigned vcpu, MmioAccess& access) {
    if (vcpu >= gic_.vcpu_count || !access.ipa.is_aligned(access.bytes))
        return false;
    const std::uint64_t distance = access.ipa - base();
    const unsigned owner = static_cast<unsigned>(distance / stride);
    const unsigned offset = static_cast<unsigned>(distance % stride);
    if (owner >= gic_.vcpu_count)
        return false;
    if (!access.write)
        access.value = 0;

    const LockGuard guard{gic_.lock};
    if (offset >= gicr::sgi_frame) {
        access_sgi_frame(vcpu, owner, access, offset - gicr::sgi_frame);
    } else if (offset - gicr::type < 8 && access.bytes >= 4) {
        if (!access.write)
            access.value = type(owner) >> (8 * (offset - gicr::type));
    } else if (access.bytes == 4) {
        if (access.write)
            write_control_word(owner, offset, static_cast<std::uint32_t>(access.value));
        else
            access.value = read_control_word(owner, offset);
    }
    return true;
}

std::uint64_t Redistributors::type(unsigned owner) const {
    return gicr::Affinity::of(packed_affinity(gic_.vcpus[owner].affinity)) |
           gicr::Processor::of(owner) | gicr::Last::of(owner + 1 == gic_.vcpu_count);
}

std::uint32_t Redistributors::read_control_word(unsigned owner, unsigned offset) const {
    if (offset == gicr::implementer)
        return implementer_value;
    if (offset == gicr::waker)
        return gic_.vcpus[owner].asleep ? static_cast<std::uint32_t>(gicr::ProcessorSleep::mask |
                                                                     gicr::ChildrenAsleep::mask)
                                        : 0;
    if (offset >= gicd::identification)
        return identification_value(offset, redistributor_part);
    return 0;
}

void Redistributors::write_control_word(unsigned owner, unsigned offset, std::uint32_t value) {
    if (offset != gicr::waker)
        return;
    gic_.vcpus[owner].asleep = gicr::ProcessorSleep::is_set(value);
    gic_.refresh(owner);
}

void Redistributors::access_sgi_frame(unsigned vcpu, unsigned owner, MmioAccess& access,
                                      unsigned offset) {
    InterruptBank& bank = gic_.vcpus[owner].bank;
    if (offset >= gicd::priority && offset < gicd::priority + private_interrupts) {
        const unsigned first = offset - gicd::priority;
        if (access.bytes != 1 && access.bytes != 4)
            return;
        if (access.write)
            write_priorities(bank, first, access.bytes, static_cast<std::uint32_t>(access.value));
        else
            access.value = read_priorities(bank, first, access.bytes);
        return;
    }
    if (access.bytes != 4)
        return;
    // One word of each of the distributor's registers. SGIs are edges and PPIs are lines for good.
    if (offset >= gicd::group && offset < gicd::priority && offset % 0x80 == 0) {
        const auto which = static_cast<BankRegister>((offset - gicd::group) / 0x80);
        if (access.write)
            write_private(vcpu, owner, which, static_cast<std::uint32_t>(access.value));
        else
            access.value = read_private(vcpu, owner, which);
    } else if (!access.write &&
               (offset == gicd::configuration || offset == gicd::configuration + 4)) {
        access.value = read_configuration(bank, offset != gicd::configuration);
    }
}

std::uint32_t Redistributors::read_private(unsigned vcpu, unsigned owner, BankRegister which) {
    if (needs_recall(which, false))
        gic_.recall_private(vcpu, owner, ~std::uint32_t{0});
    if (vcpu == owner)
        sample_physical_lines(gic_, owner);
    return read_bank(gic_.vcpus[owner].bank, which);
}

void Redistributors::write_private(unsigned vcpu, unsigned owner, BankRegister which,
                                   std::uint32_t value) {
    if (needs_recall(which, true))
        gic_.recall_private(vcpu, owner, which == BankRegister::group ? ~std::uint32_t{0} : value);
    write_bank(gic_.vcpus[owner].bank, which, value);
    gic_.refresh(owner);
}

} // namespace twofold::hyp
