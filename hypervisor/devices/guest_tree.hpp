// SPDX-License-Identifier: MIT
// The device tree that a guest boots with.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace twofold::hyp {

struct GuestTree {
    Ipa memory;
    std::uint64_t memory_size = 0;
    std::span<const std::uint64_t> mpidrs; // MPIDR_EL1 of each vCPU
    std::string_view bootargs;
    Ipa initrd; // with size 0 there is none
    std::uint64_t initrd_size = 0;
    Ipa distributor;
    Ipa redistributors; // one region for all vCPUs
    Ipa uart;
    unsigned uart_interrupt = 33; // INTID of an SPI
};

enum class GuestTreeError : std::uint8_t {
    no_space,    // the buffer is too small
    bad_request, // no vCPU, or no UART interrupt that is an SPI
    malformed,   // libfdt refused what it was given
};

// Returns the bytes used. The buffer is 8-byte aligned; 4 KiB and the length of bootargs are enough
// for 8 vCPUs.
std::expected<std::size_t, GuestTreeError> make_guest_tree(const GuestTree& tree,
                                                           std::span<std::byte> buffer);

} // namespace twofold::hyp
