// SPDX-License-Identifier: MIT
// The distributor and redistributors of the machine.
#include "gic/physical_gic.hpp"

#include "gic/affinity.hpp"
#include "gic/gic_registers.hpp"

namespace twofold::hyp {

namespace {

constexpr std::uint32_t all = ~std::uint32_t{0};
constexpr std::uint32_t middle_priority = 0xa0a0a0a0;
constexpr std::uint64_t redistributor_stride = 0x20000;

std::uint32_t read32(std::uintptr_t address) {
    return *reinterpret_cast<const volatile std::uint32_t*>(address);
}
void write32(std::uintptr_t address, std::uint32_t value) {
    *reinterpret_cast<volatile std::uint32_t*>(address) = value;
}
std::uint64_t read64(std::uintptr_t address) {
    return *reinterpret_cast<const volatile std::uint64_t*>(address);
}
void write64(std::uintptr_t address, std::uint64_t value) {
    *reinterpret_cast<volatile std::uint64_t*>(address) = value;
}

void wait_for_redistributor(std::uintptr_t frame) {
    while (gicr::WritePending::is_set(read32(frame + gicr::control))) {
    }
}

bool is_gicv3(std::uintptr_t frame) {
    const std::uint64_t revision = ArchitectureRevision::get(read32(frame + peripheral_id2));
    return revision == 3 || revision == 4;
}

} // namespace

void PhysicalGic::wait_for_distributor() const {
    while (gicd::WritePending::is_set(read32(distributor_ + gicd::control))) {
    }
}

bool PhysicalGic::init(std::uintptr_t distributor, std::uintptr_t redistributors,
                       std::uint64_t redistributors_size) {
    if (!is_gicv3(distributor))
        return false;
    distributor_ = distributor;
    redistributors_ = redistributors;
    redistributors_size_ = redistributors_size;
    const unsigned lines =
        static_cast<unsigned>(gicd::Lines::get(read32(distributor + gicd::type)));
    interrupts_ = 32 * (lines + 1) < first_special ? 32 * (lines + 1) : first_special;

    write32(distributor + gicd::control, 0);
    wait_for_distributor();
    // Routes exist only with affinity routing on.
    constexpr std::uint32_t routing = gicd::AffinityRouting::mask;
    write32(distributor + gicd::control, routing);
    wait_for_distributor();
    for (unsigned bank = 1; bank < (interrupts_ + 31) / 32; ++bank) {
        write32(distributor + gicd::clear_enable + 4 * bank, all);
        write32(distributor + gicd::clear_active + 4 * bank, all);
        write32(distributor + gicd::clear_pending + 4 * bank, all);
        write32(distributor + gicd::group + 4 * bank, all);
        write32(distributor + gicd::configuration + 8 * bank, 0);
        write32(distributor + gicd::configuration + 8 * bank + 4, 0);
        for (unsigned word = 0; word < 8; ++word)
            write32(distributor + gicd::priority + 32 * bank + 4 * word, middle_priority);
    }
    wait_for_distributor();
    write32(
        distributor + gicd::control,
        static_cast<std::uint32_t>(routing | gicd::EnableGroup1::mask | gicd::EnableGroup0::mask));
    wait_for_distributor();
    return true;
}

std::uintptr_t PhysicalGic::find_redistributor(std::uint64_t affinity) const {
    std::uint64_t offset = 0;
    while (offset + redistributor_stride <= redistributors_size_) {
        const std::uintptr_t frame = redistributors_ + offset;
        if (!is_gicv3(frame))
            return 0;
        const std::uint64_t type = read64(frame + gicr::type);
        if (gicr::Affinity::get(type) == packed_affinity(affinity))
            return frame;
        if (gicr::Last::is_set(type))
            return 0;
        offset += gicr::VirtualLpis::is_set(type) ? 2 * redistributor_stride : redistributor_stride;
    }
    return 0;
}

bool PhysicalGic::init_cpu(unsigned cpu, std::uint64_t mpidr) {
    if (cpu >= max_cpus)
        return false;
    const std::uint64_t affinity = affinity_of(mpidr);
    const std::uintptr_t frame = find_redistributor(affinity);
    if (frame == 0)
        return false;

    const std::uint32_t waker = read32(frame + gicr::waker);
    write32(frame + gicr::waker, static_cast<std::uint32_t>(gicr::ProcessorSleep::set(waker, 0)));
    while (gicr::ChildrenAsleep::is_set(read32(frame + gicr::waker))) {
    }

    const std::uintptr_t sgi = frame + gicr::sgi_frame;
    constexpr std::uint32_t sgis = 0xffff;
    write32(sgi + gicd::clear_enable, ~sgis);
    write32(sgi + gicd::clear_active, all);
    write32(sgi + gicd::clear_pending, all);
    write32(sgi + gicd::group, all);
    for (unsigned word = 0; word < 8; ++word)
        write32(sgi + gicd::priority + 4 * word, middle_priority);
    write32(sgi + gicd::set_enable, sgis);
    wait_for_redistributor(frame);

    redistributor_[cpu] = frame;
    affinity_[cpu] = affinity;
    cpu_interface::init();
    return true;
}

void PhysicalGic::enable(unsigned cpu, unsigned intid) {
    if (cpu >= max_cpus || intid >= interrupts_)
        return;
    const std::uint32_t bit = std::uint32_t{1} << (intid % 32);
    if (intid < 32) {
        write32(redistributor_[cpu] + gicr::sgi_frame + gicd::set_enable, bit);
        return;
    }
    const LockGuard guard{lock_};
    write64(distributor_ + gicd::route + std::uintptr_t{8} * intid, affinity_[cpu]);
    write32(distributor_ + gicd::set_enable + 4 * (intid / 32), bit);
}

void PhysicalGic::disable(unsigned cpu, unsigned intid) {
    if (cpu >= max_cpus || intid >= interrupts_)
        return;
    const std::uint32_t bit = std::uint32_t{1} << (intid % 32);
    if (intid < 32) {
        write32(redistributor_[cpu] + gicr::sgi_frame + gicd::clear_enable, bit);
        wait_for_redistributor(redistributor_[cpu]);
        return;
    }
    const LockGuard guard{lock_};
    write32(distributor_ + gicd::clear_enable + 4 * (intid / 32), bit);
    wait_for_distributor();
}

bool PhysicalGic::is_pending(unsigned cpu, unsigned intid) const {
    if (cpu >= max_cpus || intid >= interrupts_)
        return false;
    const std::uintptr_t frame =
        intid < 32 ? redistributor_[cpu] + gicr::sgi_frame : distributor_ + 4 * (intid / 32);
    return ((read32(frame + gicd::set_pending) >> (intid % 32)) & 1) != 0;
}

void PhysicalGic::set_pending(unsigned intid) {
    if (intid >= 32 && intid < interrupts_)
        write32(distributor_ + gicd::set_pending + 4 * (intid / 32),
                std::uint32_t{1} << (intid % 32));
}

void PhysicalGic::send_sgi(unsigned cpu, unsigned intid) {
    if (cpu < max_cpus)
        cpu_interface::send_sgi(SgiTargets::make(affinity_[cpu], intid));
}

} // namespace twofold::hyp
