// SPDX-License-Identifier: MIT
// GuestOptions: what one guest of `twofold run` is to be, and how `--vm` says it for further ones.
#pragma once

#include "tools/result.hpp"

#include <twofold/arch/address.hpp>
#include <twofold/arch/geometry.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace twofold::tool {

struct GuestOptions {
    std::string name = "linux";
    std::filesystem::path kernel = "build/guest/vmlinuz";
    std::filesystem::path initrd = "build/guest/initrd.img"; // empty: none
    std::string append = "console=ttyAMA0";
    std::uint64_t memory = GiB;
    std::uint64_t extent = GiB;
    std::optional<std::uint64_t> around = {}; // what is mapped with a page that was faulted on
    unsigned ipa_bits = 40;
    Granule granule = Granule::k4;
    bool lpa2 = false;
    Prefer prefer = Prefer::fewest_levels;
    unsigned smp = 2;
};

// A value and how it is written: empty means "not of that form".
template <class Value>
struct GuestValue {
    std::optional<Value> (*parse)(std::string_view text);
    std::string_view expected;
};

extern const GuestValue<std::uint64_t> memory_value;
extern const GuestValue<std::uint64_t> extent_value;
extern const GuestValue<std::uint64_t> around_value;
extern const GuestValue<unsigned> ipa_value;
extern const GuestValue<Granule> granule_value;
extern const GuestValue<unsigned> smp_value;

// "memory=512M,extent=4K,lpa2": what is not said is as in `defaults`, but for the name.
Result<GuestOptions> parse_guest(std::string_view text, const GuestOptions& defaults);

} // namespace twofold::tool
