// SPDX-License-Identifier: MIT
// Regime: a stage 2 as its registers and its CPU define it, and how its descriptors are read.
#pragma once

#include "tools/cpu/known_cpu.hpp"

#include <twofold/arch/descriptor.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/model/walk_config.hpp>

#include <cstdint>
#include <expected>
#include <string>

namespace twofold::tool {

struct RegimeRegisters {
    std::uint64_t vtcr = 0;
    std::uint64_t vttbr = 0;
    std::uint64_t hcr = 1; // VM
    std::uint64_t s2pir = 0;
    bool big_endian = false; // SCTLR_EL2.EE
};

class Regime {
public:
    Regime(const KnownCpu& cpu, const RegimeRegisters& registers);

    const std::string& cpu() const { return cpu_; }
    const model::WalkConfig& config() const { return config_; }
    // The error stands for what every walk faults on.
    const std::expected<Geometry, Error>& geometry() const { return geometry_; }
    bool fwb() const { return fwb_; }

    // The following only where there is a geometry.
    Pa root() const;
    DescriptorFormat format() const { return DescriptorFormat{*geometry_}; }
    // What a leaf says, where VTCR_EL2 and S2PIR_EL2 have a part in it as well.
    Attributes attributes(Descriptor leaf, Level level) const;
    // A descriptor as a number, whatever the byte order of the tables.
    std::uint64_t in_memory(std::uint64_t word) const;

private:
    std::string cpu_;
    model::WalkConfig config_;
    std::expected<Geometry, Error> geometry_;
    bool fwb_ = false;
    bool xnx_ = false;
};

// In short, as the first line of an answer.
std::string regime_words(const Regime& regime);

} // namespace twofold::tool
