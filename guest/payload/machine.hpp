// SPDX-License-Identifier: MIT
// Machine: what the device tree says about the machine that the payload runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold::payload {

struct Range {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    std::uint64_t end() const { return start + size; }
    bool contains(std::uint64_t address) const { return address - start < size; }
};

struct Machine {
    static constexpr unsigned max_cpus = 8;

    Range image;
    Range tree;
    Range initrd;
    Range memory;
    Range distributor;
    Range redistributors;
    Range uart;
    std::uint64_t mpidrs[max_cpus] = {};
    unsigned cpus = 0;
    std::string_view words; // the command line

    // False if something is missing.
    bool read(const void* at);
    bool is_somewhere(std::uint64_t address) const;
    // The value behind "name=", empty if there is none.
    std::string_view word(std::string_view name) const;
    // payload.ipa=BITS, what the hypervisor was started with.
    unsigned ipa_bits() const;
    std::uint64_t ipa_limit() const { return std::uint64_t{1} << ipa_bits(); }

    // Memory that nothing was written to or read from yet.
    std::uint64_t fresh(std::uint64_t size, std::uint64_t alignment);
    Range used() const { return {fresh_start_, fresh_next_ - fresh_start_}; }

private:
    std::uint64_t fresh_start_ = 0;
    std::uint64_t fresh_next_ = 0;
};

} // namespace twofold::payload
