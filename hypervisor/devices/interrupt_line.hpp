// SPDX-License-Identifier: MIT
// InterruptLine: the wire from an emulated device to an interrupt controller.
#pragma once

namespace twofold::hyp {

class InterruptLine {
public:
    virtual void set(bool level) = 0;

protected:
    ~InterruptLine() = default;
};

} // namespace twofold::hyp
