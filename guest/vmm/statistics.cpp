// SPDX-License-Identifier: MIT
// Reading of the file that KVM_GET_STATS_FD gives: a header, descriptors with their names behind
// them, and values.
#include "statistics.hpp"

#include "die.hpp"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace twofold::vmm {

namespace {

void read_at(int file, void* to, std::size_t bytes, std::uint64_t offset) {
    if (pread(file, to, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes))
        die("KVM's statistics");
}

} // namespace

Statistics::Statistics(int vcpu)
    : file_{checked(ioctl(vcpu, KVM_GET_STATS_FD, 0), "KVM_GET_STATS_FD")} {
    kvm_stats_header header{};
    read_at(file_, &header, sizeof header, 0);
    const std::size_t descriptor_bytes = sizeof(kvm_stats_desc) + header.name_size;
    for (std::uint32_t i = 0; i < header.num_desc; ++i) {
        const std::uint64_t at = header.desc_offset + i * descriptor_bytes;
        kvm_stats_desc descriptor{};
        read_at(file_, &descriptor, sizeof descriptor, at);
        std::string name(header.name_size, '\0');
        read_at(file_, name.data(), name.size(), at + sizeof descriptor);
        name.resize(name.find('\0'));
        entries_.push_back({name, header.data_offset + descriptor.offset});
    }
}

std::uint64_t Statistics::read(const std::string& name) const {
    for (const Entry& entry : entries_) {
        if (entry.name == name) {
            std::uint64_t value = 0;
            read_at(file_, &value, sizeof value, entry.offset);
            return value;
        }
    }
    return 0;
}

} // namespace twofold::vmm
