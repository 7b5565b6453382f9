// SPDX-License-Identifier: MIT
// Statistics: numbers that KVM keeps of a vCPU.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace twofold::vmm {

class Statistics {
public:
    explicit Statistics(int vcpu);

    // How often the guest was left.
    std::uint64_t exits() const { return read("exits"); }

private:
    std::uint64_t read(const std::string& name) const;

    struct Entry {
        std::string name;
        std::uint64_t offset = 0;
    };
    int file_ = -1;
    std::vector<Entry> entries_;
};

} // namespace twofold::vmm
