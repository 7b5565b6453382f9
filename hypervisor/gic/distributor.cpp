// SPDX-License-Identifier: MIT
// The registers of the GICD frame.
#include "gic/distributor.hpp"

#include "gic/affinity.hpp"
#include "gic/gic_registers.hpp"
#include "gic/identification.hpp"
#include "gic/list_registers.hpp"

#include <bit>

namespace twofold::hyp {

namespace {

constexpr std::uint32_t group_enables =
    static_cast<std::uint32_t>(gicd::EnableGroup0::mask | gicd::EnableGroup1::mask);

constexpr std::uint32_t type_value =
    static_cast<std::uint32_t>(gicd::Lines::of(interrupt_limit / 32 - 1) | gicd::IdBits::of(9) |
                               gicd::Affinity3::of(1) | gicd::NoOneOfN::of(1));

struct SharedWord {
    unsigned n = 0; // index into shared
    bool exists = false;
};

// Word `index` of a register with `words` words for each bank. The private interrupts' words are
// RAZ/WI with affinity routing.
SharedWord shared_word(unsigned index, unsigned words) {
    const unsigned bank = index / words;
    return {bank - 1, bank >= 1 && bank <= shared_banks};
}

} // namespace

bool Distributor::access(unsigned vcpu, MmioAccess& access) {
    if (vcpu >= gic_.vcpu_count || !access.ipa.is_aligned(access.bytes))
        return false;
    const unsigned offset = static_cast<unsigned>(access.ipa - base());
    if (!access.write)
        access.value = 0;
    const LockGuard guard{gic_.lock};
    if (offset >= gicd::priority && offset < gicd::targets) {
        access_priority(access, offset - gicd::priority);
    } else if (offset >= gicd::route && offset < gicd::route_end) {
        access_route(vcpu, access, offset - gicd::route);
    } else if (access.bytes == 4) {
        if (access.write)
            write_word(vcpu, offset, static_cast<std::uint32_t>(access.value));
        else
            access.value = read_word(vcpu, offset);
    }
    return true;
}

std::uint32_t Distributor::read_word(unsigned vcpu, unsigned offset) {
    switch (offset) {
    case gicd::control:
        return gic_.groups_enabled | static_cast<std::uint32_t>(gicd::AffinityRouting::mask |
                                                                gicd::DisableSecurity::mask);
    case gicd::type:
        return type_value;
    case gicd::implementer:
        return implementer_value;
    default:
        break;
    }
    if (offset >= gicd::group && offset < gicd::priority) {
        const auto which = static_cast<BankRegister>((offset - gicd::group) / 0x80);
        const auto [n, exists] = shared_word(offset % 0x80 / 4, 1);
        if (!exists)
            return 0;
        if (needs_recall(which, false))
            gic_.recall_shared(vcpu, n, ~std::uint32_t{0});
        return read_bank(gic_.shared[n], which);
    }
    if (offset >= gicd::configuration && offset < gicd::configuration_end) {
        const unsigned index = (offset - gicd::configuration) / 4;
        const auto [n, exists] = shared_word(index, 2);
        return exists ? read_configuration(gic_.shared[n], index % 2 != 0) : 0;
    }
    if (offset >= gicd::identification && offset < frame_size)
        return identification_value(offset, distributor_part);
    return 0;
}

void Distributor::write_word(unsigned vcpu, unsigned offset, std::uint32_t value) {
    if (offset == gicd::control) {
        write_control(vcpu, value);
    } else if (offset >= gicd::group && offset < gicd::priority) {
        const auto which = static_cast<BankRegister>((offset - gicd::group) / 0x80);
        const auto [n, exists] = shared_word(offset % 0x80 / 4, 1);
        if (exists)
            write_shared(vcpu, n, which, value);
    } else if (offset >= gicd::configuration && offset < gicd::configuration_end) {
        const unsigned index = (offset - gicd::configuration) / 4;
        const auto [n, exists] = shared_word(index, 2);
        if (exists) {
            gic_.recall_shared(vcpu, n, ~std::uint32_t{0});
            write_configuration(gic_.shared[n], index % 2 != 0, value);
            gic_.announce_shared(n, ~std::uint32_t{0});
        }
    }
}

void Distributor::write_shared(unsigned vcpu, unsigned n, BankRegister which, std::uint32_t value) {
    InterruptBank& bank = gic_.shared[n];
    if (needs_recall(which, true))
        gic_.recall_shared(vcpu, n, which == BankRegister::group ? ~std::uint32_t{0} : value);
    if (which == BankRegister::set_active) {
        // Active without having been taken: where it would have been taken.
        for (std::uint32_t rest = value & ~bank.active; rest != 0; rest &= rest - 1) {
            const unsigned index =
                n * InterruptBank::size + static_cast<unsigned>(std::countr_zero(rest));
            gic_.holder[index] = gic_.target[index];
        }
    }
    // Who holds what becomes inactive has to fill its list registers anew, too.
    gic_.announce_shared(n, value);
    write_bank(bank, which, value);
    gic_.announce_shared(n, which == BankRegister::group ? ~std::uint32_t{0} : value);
    if (bank.release != 0)
        gic_.refresh(vcpu);
}

void Distributor::write_control(unsigned vcpu, std::uint32_t value) {
    const std::uint32_t before = gic_.groups_enabled;
    gic_.groups_enabled = value & group_enables;
    if ((before & ~gic_.groups_enabled) != 0) {
        // From here on nothing of these groups is listed again.
        for (unsigned other = 0; other < gic_.vcpu_count; ++other)
            gic_.recall_private(vcpu, other, ~std::uint32_t{0});
        for (unsigned n = 0; n < shared_banks; ++n)
            gic_.recall_shared(vcpu, n, ~std::uint32_t{0});
    }
    if (before != gic_.groups_enabled)
        gic_.announce_all();
}

void Distributor::access_priority(MmioAccess& access, unsigned intid) {
    if ((access.bytes != 1 && access.bytes != 4) || intid < private_interrupts ||
        intid >= interrupt_limit)
        return;
    const unsigned index = intid - private_interrupts;
    InterruptBank& bank = gic_.shared[index / InterruptBank::size];
    const unsigned first = index % InterruptBank::size;
    if (access.write)
        write_priorities(bank, first, access.bytes, static_cast<std::uint32_t>(access.value));
    else
        access.value = read_priorities(bank, first, access.bytes);
}

void Distributor::access_route(unsigned vcpu, MmioAccess& access, unsigned offset) {
    const unsigned intid = offset / 8;
    if (access.bytes < 4 || intid < private_interrupts || intid >= interrupt_limit)
        return;
    const unsigned index = intid - private_interrupts;
    const unsigned shift = 8 * (offset % 8);
    std::uint64_t& route = gic_.route[index];
    if (!access.write) {
        access.value = route >> shift;
        return;
    }
    const std::uint64_t mask = bit_mask(8 * access.bytes - 1, 0) << shift;
    const std::uint32_t bit = std::uint32_t{1} << (index % InterruptBank::size);
    gic_.recall_shared(vcpu, index / InterruptBank::size, bit);
    route = affinity_of((route & ~mask) | ((access.value << shift) & mask));
    gic_.target[index] = static_cast<std::uint8_t>(gic_.vcpu_of_affinity(route));
    gic_.announce_shared(index / InterruptBank::size, bit);
}

} // namespace twofold::hyp
