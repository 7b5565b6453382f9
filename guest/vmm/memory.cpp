// SPDX-License-Identifier: MIT
// Mapping of memory, and reading of /proc/self/pagemap.
#include "memory.hpp"

#include "die.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace twofold::vmm {

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t alignment = 1U << 30; // the largest block there is
// A descriptor for each page of the address space: [63] present, [54:0] the frame's number
constexpr std::uint64_t present = std::uint64_t{1} << 63;
constexpr std::uint64_t frame_mask = (std::uint64_t{1} << 55) - 1;

// MAP_HUGETLB with [31:26] the logarithm of the size; 0 for ordinary pages.
int huge_page_flags(const std::string& backing) {
    const struct {
        const char* name;
        unsigned shift;
    } sizes[] = {{"64K", 16}, {"2M", 21}, {"32M", 25}, {"1G", 30}};
    for (const auto& [name, shift] : sizes) {
        if (backing == name)
            return static_cast<int>(MAP_HUGETLB | shift << 26);
    }
    if (backing != "pages" && backing != "thp")
        die("expected a backing of pages, thp, 64K, 2M, 32M or 1G, not " + backing);
    return 0;
}

} // namespace

Memory::Memory(MemoryOptions options) : options_{std::move(options)} {
    const int huge = huge_page_flags(options_.backing);
    constexpr int protection = PROT_READ | PROT_WRITE;
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    // Addresses of guest and host agree modulo the largest block.
    void* const room = mmap(nullptr, options_.size + 2 * alignment, PROT_NONE, flags, -1, 0);
    if (room == MAP_FAILED)
        die("address space for the guest's memory");
    const auto aligned =
        (reinterpret_cast<std::uintptr_t>(room) + alignment - 1) & ~(alignment - 1);
    void* const at = reinterpret_cast<void*>(aligned + options_.ipa % alignment);
    if (mmap(at, options_.size, protection, flags | MAP_FIXED | huge, -1, 0) == MAP_FAILED)
        die("memory of the guest in " + options_.backing);
    host_ = static_cast<std::byte*>(at);
    if (huge == 0)
        checked(madvise(host_, options_.size,
                        options_.backing == "thp" ? MADV_HUGEPAGE : MADV_NOHUGEPAGE),
                "madvise");
}

std::vector<FrameRun> Memory::frames() const {
    const int file =
        checked(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), "/proc/self/pagemap");
    std::vector<FrameRun> runs;
    std::array<std::uint64_t, 512> entries{};
    const std::uint64_t first = reinterpret_cast<std::uintptr_t>(host_) / page;
    for (std::uint64_t done = 0; done < options_.size / page;) {
        const std::uint64_t count =
            std::min<std::uint64_t>(entries.size(), options_.size / page - done);
        const auto offset = static_cast<off_t>((first + done) * 8);
        if (pread(file, entries.data(), count * 8, offset) != static_cast<ssize_t>(count * 8))
            die("/proc/self/pagemap");
        for (std::uint64_t i = 0; i < count; ++i) {
            if ((entries[i] & present) == 0)
                continue;
            const std::uint64_t ipa = options_.ipa + (done + i) * page;
            const std::uint64_t pa = (entries[i] & frame_mask) * page;
            if (!runs.empty() && runs.back().ipa + runs.back().size == ipa &&
                runs.back().pa + runs.back().size == pa)
                runs.back().size += page;
            else
                runs.push_back({.ipa = ipa, .size = page, .pa = pa});
        }
        done += count;
    }
    close(file);
    return runs;
}

void Memory::forget(std::uint64_t ipa, std::uint64_t size) const {
    checked(madvise(host_ + (ipa - options_.ipa), size, MADV_DONTNEED), "madvise");
}

} // namespace twofold::vmm
