// SPDX-License-Identifier: MIT
// Aborts in words.
#include "tools/decode/abort_words.hpp"

#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

struct ExceptionClass {
    std::uint8_t code;
    std::string_view words;
};

constexpr ExceptionClass classes[] = {
    {0x00, "unknown reason"},
    {0x01, "WFI, WFE, WFIT or WFET trapped"},
    {0x03, "MCR or MRC trapped (coproc 15)"},
    {0x04, "MCRR or MRRC trapped (coproc 15)"},
    {0x05, "MCR or MRC trapped (coproc 14)"},
    {0x06, "LDC or STC trapped"},
    {0x07, "SVE, SIMD or floating point trapped"},
    {0x08, "VMRS trapped"},
    {0x09, "pointer authentication trapped"},
    {0x0a, "LD64B, ST64B and the like trapped"},
    {0x0c, "MRRC trapped (coproc 14)"},
    {0x0d, "branch target exception"},
    {0x0e, "illegal execution state"},
    {0x11, "SVC from AArch32"},
    {0x12, "HVC from AArch32"},
    {0x13, "SMC from AArch32"},
    {0x14, "MSRR, MRRS or SYSP trapped"},
    {0x15, "SVC from AArch64"},
    {0x16, "HVC from AArch64"},
    {0x17, "SMC from AArch64"},
    {0x18, "MSR, MRS or a system instruction trapped"},
    {0x19, "SVE trapped"},
    {0x1a, "ERET trapped"},
    {0x1b, "TSTART trapped"},
    {0x1c, "pointer authentication failed"},
    {0x1d, "SME trapped"},
    {0x20, "instruction abort from a lower exception level"},
    {0x21, "instruction abort of EL2 itself"},
    {0x22, "PC alignment fault"},
    {0x24, "data abort from a lower exception level"},
    {0x25, "data abort of EL2 itself"},
    {0x26, "SP alignment fault"},
    {0x27, "memory copy or set exception"},
    {0x28, "floating-point exception from AArch32"},
    {0x2c, "floating-point exception from AArch64"},
    {0x2d, "guarded control stack exception"},
    {0x2f, "SError"},
    {0x30, "breakpoint from a lower exception level"},
    {0x31, "breakpoint of EL2 itself"},
    {0x32, "software step from a lower exception level"},
    {0x33, "software step of EL2 itself"},
    {0x34, "watchpoint from a lower exception level"},
    {0x35, "watchpoint of EL2 itself"},
    {0x38, "BKPT from AArch32"},
    {0x3a, "vector catch from AArch32"},
    {0x3c, "BRK from AArch64"},
    {0x3d, "PMU exception"},
};

// Kinds whose name in arch/ says already what they are.
bool is_called_fault(FaultKind kind) {
    return to_string(kind).find("abort") == std::string_view::npos;
}

std::string_view access_name(const Abort& abort) {
    if (abort.s1ptw) {
        return "the walk of a stage-1 table";
    }
    if (abort.instruction) {
        return "a fetch";
    }
    if (abort.cache_maintenance) {
        return "cache maintenance or address translation";
    }
    return abort.wnr ? "a write" : "a read";
}

} // namespace

std::string exception_class_words(std::uint64_t ec) {
    const auto* const found = std::ranges::find(classes, ec, &ExceptionClass::code);
    return found == std::end(classes) ? "" : std::string{found->words};
}

std::string status_words(const FaultStatus& status) {
    if (status.kind == FaultKind::unknown) {
        return "reserved";
    }
    std::string words{to_string(status.kind)};
    words += is_called_fault(status.kind) ? " fault" : "";
    return status.level ? fmt::format("{} at level {}", words, *status.level) : words;
}

std::string register_words(const AccessSyndrome& access) {
    const char letter = access.reg_is_64 ? 'X' : 'W';
    return access.reg == 31 ? fmt::format("{}ZR", letter) : fmt::format("{}{}", letter, access.reg);
}

std::string syndrome_words(const AccessSyndrome& access, bool write) {
    return fmt::format("{} {} {}{}{}", counted(access.bytes, "byte"), write ? "from" : "into",
                       register_words(access), access.sign_extend ? ", sign-extended" : "",
                       access.acquire_release ? (write ? ", release" : ", acquire") : "");
}

std::string abort_words(const Abort& abort, bool has_hpfar, bool has_far) {
    std::string words = fmt::format("{}: {}", status_words(abort.status), access_name(abort));
    if (abort.s1ptw) {
        words += abort.instruction ? " for a fetch" : " for a data access";
    }
    if (abort.ipa && has_hpfar) {
        const bool to_the_byte = has_far && abort.far && !abort.s1ptw;
        words += to_the_byte ? fmt::format(" at IPA {:#x}", abort.ipa->value)
                             : fmt::format(" in the page at IPA {:#x}",
                                           align_down(abort.ipa->value, 4 * KiB));
        words += abort.ipa_nonsecure ? " (Non-secure)" : "";
    }
    if (abort.far && has_far) {
        words += fmt::format(", virtual address {:#x}", *abort.far);
    }
    return words;
}

} // namespace twofold::tool
