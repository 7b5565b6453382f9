// SPDX-License-Identifier: MIT
// LongExit: the part of an exit that deals with more than the guest's memory. Its interrupts come
// back from the list registers, and go there again at the end.
//
// A short exit has none: its CPU counts as being in the guest. Whoever wants something of it kicks
// it, and it takes the kick when it returns; so it must not wait for another vCPU.
#pragma once

#include "guest/guest.hpp"

namespace twofold::hyp {

class [[nodiscard]] LongExit {
public:
    explicit LongExit(Vcpu& vcpu) : vcpu_{vcpu} { vcpu.guest->vgic().on_guest_exit(vcpu.index); }
    LongExit(const LongExit&) = delete;
    LongExit& operator=(const LongExit&) = delete;

    // Does not return if the guest has ended.
    ~LongExit() {
        Guest& guest = *vcpu_.guest;
        if (!guest.is_running())
            guest.leave(vcpu_);
        guest.vgic().on_guest_enter(vcpu_.index);
    }

private:
    Vcpu& vcpu_;
};

} // namespace twofold::hyp
