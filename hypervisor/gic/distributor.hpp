// SPDX-License-Identifier: MIT
// Distributor: the emulated GICD frame of a guest, with affinity routing always on and one security
// state (GICD_CTLR.ARE = DS = 1).
#pragma once

#include "devices/mmio.hpp"
#include "gic/gic_state.hpp"

namespace twofold::hyp {

class Distributor final : public MmioDevice {
public:
    static constexpr std::uint64_t frame_size = 64 * KiB;

    constexpr explicit Distributor(GicState& state) : gic_{state} {}
    void init(Ipa base) { place(base, frame_size); }

    // Misaligned: external abort. A size that the register does not have: RAZ/WI.
    bool access(unsigned vcpu, MmioAccess& access) override;

private:
    std::uint32_t read_word(unsigned vcpu, unsigned offset);
    void write_word(unsigned vcpu, unsigned offset, std::uint32_t value);
    void write_control(unsigned vcpu, std::uint32_t value);
    void write_shared(unsigned vcpu, unsigned n, BankRegister which, std::uint32_t value);
    void access_priority(MmioAccess& access, unsigned intid);
    void access_route(unsigned vcpu, MmioAccess& access, unsigned offset);

    GicState& gic_;
};

} // namespace twofold::hyp
