// SPDX-License-Identifier: MIT
// BootTree: the machine as the boot loader's device tree describes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace twofold::hyp {

struct MemoryRange {
    std::uint64_t start = 0;
    std::uint64_t size = 0;

    constexpr std::uint64_t end() const { return start + size; }
    constexpr bool empty() const { return size == 0; }
    constexpr bool operator==(const MemoryRange&) const = default;
};

struct UartNode {
    MemoryRange registers;
    unsigned interrupt = 0; // INTID
};

struct GicNode {
    MemoryRange distributor;
    MemoryRange redistributors;
};

// The guests that one machine can have.
inline constexpr std::size_t most_guests = 4;

// What a boot loader left in memory for a guest.
struct GuestModules {
    MemoryRange kernel;
    MemoryRange initrd;
    std::string_view bootargs; // of the kernel's module
};

// For all guests, in order of their kernels' addresses.
struct BootModules {
    std::array<GuestModules, most_guests> guests{};
    std::size_t count = 0;
    bool complete = true; // false: there were more
};

class BootTree {
public:
    static constexpr std::size_t max_cpus = 8;

    // The size that the header of a tree claims, 0 if there is no tree. Needs no MMU.
    static std::uint64_t size_of(const void* tree);

    // `tree` stays mapped as long as this object is in use. Empty if it is not a device tree.
    static std::optional<BootTree> make(const void* tree);

    MemoryRange extent() const;
    std::string_view bootargs() const;
    // A ramdisk is for the guest of the nearest kernel below it, or else of the first one.
    BootModules modules() const;
    std::optional<UartNode> uart() const;
    std::optional<GicNode> gic() const;
    // The conduit of PSCI is SMC rather than HVC.
    bool psci_uses_smc() const;
    // MPIDR_EL1 affinities; as many as fit.
    std::size_t cpus(std::span<std::uint64_t> mpidrs) const;

    // Calls visit(range) for each range of /memory nodes, and for each that is not free: the memory
    // reservation block and /reserved-memory.
    template <typename Visit>
    void for_each_memory(Visit&& visit) const {
        for (int node = next_memory(-1); node >= 0; node = next_memory(node))
            for (unsigned i = 0;; ++i) {
                const auto range = reg(node, i);
                if (!range)
                    break;
                visit(*range);
            }
    }
    template <typename Visit>
    void for_each_reserved(Visit&& visit) const {
        for (int i = 0; const auto range = memory_reservation(i); ++i)
            visit(*range);
        for (int node = next_reserved(-1); node >= 0; node = next_reserved(node))
            for (unsigned i = 0;; ++i) {
                const auto range = reg(node, i);
                if (!range)
                    break;
                visit(*range);
            }
    }

private:
    explicit BootTree(const void* tree) : tree_{tree} {}

    int next_memory(int node) const;
    int next_reserved(int node) const;
    std::optional<MemoryRange> memory_reservation(int index) const;
    std::optional<MemoryRange> reg(int node, unsigned index) const;
    std::string_view text(int node, const char* property) const;
    bool is_compatible(int node, const char* with) const;
    // The module after `node`, the first one after -1; negative: there is no other.
    int next_module(int node) const;

    const void* tree_;
};

} // namespace twofold::hyp
