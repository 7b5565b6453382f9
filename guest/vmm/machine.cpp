// SPDX-License-Identifier: MIT
// Making of the machine, and what can be done to its slots.
#include "machine.hpp"

#include "device_tree.hpp"
#include "die.hpp"
#include "layout.hpp"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace twofold::vmm {

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t read_only = KVM_MEM_READONLY;
constexpr std::uint32_t log_dirty_pages = KVM_MEM_LOG_DIRTY_PAGES;
constexpr std::uint64_t tree_alignment = 2UL << 20;

void set_attribute(int device, std::uint32_t group, std::uint64_t attribute, const void* value) {
    const kvm_device_attr set{.flags = 0,
                              .group = group,
                              .attr = attribute,
                              .addr = reinterpret_cast<std::uintptr_t>(value)};
    checked(ioctl(device, KVM_SET_DEVICE_ATTR, &set), "KVM_SET_DEVICE_ATTR");
}

} // namespace

Machine::Machine(const Options& options) {
    const int kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    run_bytes_ = static_cast<std::size_t>(
        checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"));
    vm_ = checked(ioctl(kvm, KVM_CREATE_VM, KVM_VM_TYPE_ARM_IPA_SIZE(options.ipa_bits)),
                  "KVM_CREATE_VM");
    for (const MemoryOptions& slot : options.memory) {
        memory_.emplace_back(slot);
        set_slot(static_cast<std::uint32_t>(memory_.size() - 1), 0);
    }
    load(options);
}

void Machine::set_slot(std::uint32_t number, std::uint32_t more_flags) const {
    const Memory& memory = memory_[number];
    const kvm_userspace_memory_region region{
        .slot = number,
        .flags = memory.options().read_only ? more_flags | read_only : more_flags,
        .guest_phys_addr = memory.options().ipa,
        .memory_size = memory.options().size,
        .userspace_addr = reinterpret_cast<std::uintptr_t>(memory.host())};
    checked(ioctl(vm_, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

const Memory* Machine::memory_at(std::uint64_t ipa) const {
    for (const Memory& memory : memory_) {
        if (memory.contains(ipa))
            return &memory;
    }
    return nullptr;
}

// The image is at the start, the tree behind it.
void Machine::load(const Options& options) {
    const Memory& memory = memory_.front();
    const int file =
        checked(open(options.image.c_str(), O_RDONLY | O_CLOEXEC), options.image.c_str());
    std::uint64_t size = 0;
    for (;;) {
        const ssize_t count = checked(
            read(file, memory.host() + size, memory.options().size - size), options.image.c_str());
        if (count == 0)
            break;
        size += static_cast<std::uint64_t>(count);
    }
    close(file);
    // Bytes 16 to 23 of an arm64 Image's header: how much memory it takes
    std::uint64_t image_size = 0;
    std::memcpy(&image_size, memory.host() + 16, sizeof image_size);
    const std::vector<std::byte> tree = make_device_tree(options);
    const std::uint64_t at =
        (std::max(size, image_size) + tree_alignment - 1) & ~(tree_alignment - 1);
    if (at + tree.size() > memory.options().size)
        die("the first memory has no room for " + options.image);
    std::memcpy(memory.host() + at, tree.data(), tree.size());
    entry_ = memory.options().ipa;
    tree_ = memory.options().ipa + at;
}

void Machine::add_interrupt_controller() const {
    kvm_create_device create{.type = KVM_DEV_TYPE_ARM_VGIC_V3, .fd = 0, .flags = 0};
    checked(ioctl(vm_, KVM_CREATE_DEVICE, &create), "KVM_CREATE_DEVICE");
    const int gic = static_cast<int>(create.fd);
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor.start);
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST,
                  &redistributors.start);
    set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, nullptr);
}

void Machine::log_writes(bool on) const {
    for (std::uint32_t i = 0; i < memory_.size(); ++i)
        set_slot(i, on ? log_dirty_pages : 0);
}

std::uint64_t Machine::harvest() const {
    std::uint64_t pages = 0;
    for (std::uint32_t i = 0; i < memory_.size(); ++i) {
        std::vector<std::uint64_t> bitmap((memory_[i].options().size / page + 63) / 64);
        kvm_dirty_log log{};
        log.slot = i;
        log.dirty_bitmap = bitmap.data();
        checked(ioctl(vm_, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
        for (const std::uint64_t word : bitmap)
            pages += static_cast<std::uint64_t>(std::popcount(word));
    }
    return pages;
}

} // namespace twofold::vmm
