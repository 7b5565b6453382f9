// SPDX-License-Identifier: MIT
// An exception in EL2 itself: a bug of the hypervisor, except for the probe for semihosting.
#include "cpu/machine.hpp"
#include "exceptions/trap_frame.hpp"
#include "runtime/format.hpp"
#include "runtime/panic.hpp"
#include "runtime/semihosting.hpp"

#include <array>
#include <string_view>

extern "C" const char image_start[];

namespace twofold::hyp {

namespace {

template <typename... Arguments>
void line(std::string_view pattern, const Arguments&... arguments) {
    std::array<char, 160> buffer{};
    BufferSink sink{buffer};
    format_to(sink, pattern, arguments...);
    print_unlocked(sink.text());
}

std::string_view name_of(TrapKind kind) {
    switch (kind) {
    case TrapKind::synchronous:
        return "synchronous exception";
    case TrapKind::irq:
        return "IRQ";
    case TrapKind::fiq:
        return "FIQ";
    case TrapKind::serror:
        return "SError";
    }
    return "exception";
}

} // namespace

} // namespace twofold::hyp

extern "C" void handle_el2_trap(twofold::hyp::TrapFrame* frame, twofold::hyp::TrapKind kind,
                                std::uint64_t sp) {
    using namespace twofold::hyp;
    if (kind == TrapKind::synchronous && skip_semihosting_probe(frame->elr))
        return;
    const auto base = reinterpret_cast<std::uintptr_t>(image_start);
    line("\ntwofold: {} in EL2 at {:#x} (image + {:#x})\n", name_of(kind), frame->elr,
         frame->elr - base);
    line("  ESR {:#010x}  FAR {:#018x}  SPSR {:#010x}  SP {:#018x}\n", frame->esr, frame->far,
         frame->spsr, sp);
    for (unsigned i = 0; i < 30; i += 2)
        line("  x{}{} {:#018x}  x{}{} {:#018x}\n", i, i < 10 ? " " : "", frame->x[i], i + 1,
             i + 1 < 10 ? " " : "", frame->x[i + 1]);
    line("  x30 {:#018x} (image + {:#x})\n", frame->x[30], frame->x[30] - base);
    stop_machine(1);
}
