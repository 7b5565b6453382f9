// SPDX-License-Identifier: MIT
// Redistributors: the emulated GICR frames of all vCPUs of a guest, in one region: RD_base and
// SGI_base of 64 KiB each per vCPU. No LPIs.
#pragma once

#include "devices/mmio.hpp"
#include "gic/gic_state.hpp"

namespace twofold::hyp {

class Redistributors final : public MmioDevice {
public:
    static constexpr std::uint64_t frame_size = 64 * KiB;
    static constexpr std::uint64_t stride = 2 * frame_size;

    constexpr explicit Redistributors(GicState& state) : gic_{state} {}
    void init(Ipa base, unsigned vcpus) { place(base, stride * vcpus); }

    // Misaligned: external abort. A size that the register does not have: RAZ/WI.
    bool access(unsigned vcpu, MmioAccess& access) override;

private:
    std::uint32_t read_control_word(unsigned owner, unsigned offset) const;
    void write_control_word(unsigned owner, unsigned offset, std::uint32_t value);
    std::uint64_t type(unsigned owner) const;
    void access_sgi_frame(unsigned vcpu, unsigned owner, MmioAccess& access, unsigned offset);
    std::uint32_t read_private(unsigned vcpu, unsigned owner, BankRegister which);
    void write_private(unsigned vcpu, unsigned owner, BankRegister which, std::uint32_t value);

    GicState& gic_;
};

} // namespace twofold::hyp
