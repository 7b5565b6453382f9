// SPDX-License-Identifier: MIT
// Memory: a slot of the guest's memory, what the host puts behind it, and where that is in the
// host's own physical memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace twofold::vmm {

// What the command line says of it: IPA,SIZE,BACKING[,ro].
struct MemoryOptions {
    std::uint64_t ipa = 0;
    std::uint64_t size = 0;
    std::string backing; // pages, thp, or the size of huge pages: 64K, 2M, 1G
    bool read_only = false;
};

// Neighbouring guest pages whose frames adjoin.
struct FrameRun {
    std::uint64_t ipa = 0;
    std::uint64_t size = 0;
    std::uint64_t pa = 0;
};

class Memory {
public:
    explicit Memory(MemoryOptions options);

    const MemoryOptions& options() const { return options_; }
    std::byte* host() const { return host_; }
    bool contains(std::uint64_t ipa) const { return ipa - options_.ipa < options_.size; }

    // What is in memory, of the whole slot, as /proc/self/pagemap says.
    std::vector<FrameRun> frames() const;
    // Takes pages back from the guest: MADV_DONTNEED.
    void forget(std::uint64_t ipa, std::uint64_t size) const;

private:
    MemoryOptions options_;
    std::byte* host_ = nullptr;
};

} // namespace twofold::vmm
