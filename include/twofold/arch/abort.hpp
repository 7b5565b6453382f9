// SPDX-License-Identifier: MIT
// Abort: a stage-2 abort as a value, decoded from ESR_EL2, HPFAR_EL2 and FAR_EL2.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/fault_status.hpp>
#include <twofold/arch/field.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

namespace esr {
using ec = Field<31, 26>;
using il = Field<25>;
using iss = Field<24, 0>;
inline constexpr std::uint64_t ec_instruction_abort_lower = 0x20;
inline constexpr std::uint64_t ec_data_abort_lower = 0x24;

// ISS of an instruction or data abort
using isv = Field<24>;
using sas = Field<23, 22>; // log2 of the bytes accessed
using sse = Field<21>;
using srt = Field<20, 16>;
using sf = Field<15>;
using ar = Field<14>;
using vncr = Field<13>;
using set = Field<12, 11>;
using fnv = Field<10>;
using ea = Field<9>;
using cm = Field<8>;
using s1ptw = Field<7>;
using wnr = Field<6>;
using fsc = Field<5, 0>;
} // namespace esr

namespace hpfar {
using ns = Field<63>;
// IPA bits 55:12. Bits 43:40 came with 52-bit addresses, 47:44 with 56-bit ones; they read as zero
// on a CPU without.
using fipa = Field<47, 4>;
} // namespace hpfar

// How to carry out an access in place of the guest. Only some instructions give one.
struct AccessSyndrome {
    unsigned bytes = 1; // 1, 2, 4 or 8
    bool sign_extend = false;
    unsigned reg = 0;      // Xt or Wt; 31 is the zero register
    bool reg_is_64 = true; // load: how wide the result is
    bool acquire_release = false;

    // Of an ISS with ISV.
    static constexpr AccessSyndrome decode(std::uint64_t esr) {
        return {
            .bytes = 1U << esr::sas::get(esr),
            .sign_extend = esr::sse::is_set(esr),
            .reg = static_cast<unsigned>(esr::srt::get(esr)),
            .reg_is_64 = esr::sf::is_set(esr),
            .acquire_release = esr::ar::is_set(esr),
        };
    }
    constexpr bool operator==(const AccessSyndrome&) const = default;
};

enum class AccessKind : std::uint8_t { read, write, fetch };

struct Abort {
    FaultStatus status = {};
    bool instruction = false;       // EC 0x20, else a data abort
    bool wnr = false;               // as in ISS; also set for cache maintenance and AT
    bool s1ptw = false;             // the access was to a stage-1 table, during its walk
    bool cache_maintenance = false; // DC, IC or AT
    bool external = false;          // EA: IMPLEMENTATION DEFINED classification
    bool vncr = false;              // FEAT_NV2 access through VNCR_EL2
    std::uint64_t esr = 0;

    // FAR_EL2, if it holds the faulting virtual address (ISS.FnV).
    std::optional<std::uint64_t> far = {};
    // The IPA, if HPFAR_EL2 holds it. To the byte, where FAR_EL2 gives the offset in the page; of
    // the page only for S1PTW, where FAR_EL2 belongs to another access. Empty for a permission
    // fault that is not S1PTW: take the IPA from a stage-1 translation then (AT S1E1R and PAR_EL1).
    std::optional<Ipa> ipa = {};
    bool ipa_nonsecure = false;

    std::optional<AccessSyndrome> syndrome = {};

    // What the guest wanted. Walking a stage-1 table is a read. Its permission fault is a write:
    // the hardware update of a table that may only be read. WnR is no help, as a fetch has none.
    constexpr AccessKind access() const {
        if (s1ptw) {
            return status.kind == FaultKind::permission ? AccessKind::write : AccessKind::read;
        }
        if (instruction) {
            return AccessKind::fetch;
        }
        return wnr && !cache_maintenance ? AccessKind::write : AccessKind::read;
    }

    // IPAValid(): when AArch64.ReportException writes HPFAR_EL2.
    static constexpr bool hpfar_valid(FaultKind kind, bool s1ptw) {
        switch (kind) {
        case FaultKind::translation:
        case FaultKind::access_flag:
        case FaultKind::address_size:
            return true;
        case FaultKind::permission:
            return s1ptw;
        default:
            return false;
        }
    }

    // Decodes an abort from a lower exception level; empty if ESR_EL2.EC is neither 0x20 nor 0x24.
    static constexpr std::optional<Abort> decode(std::uint64_t esr, std::uint64_t hpfar,
                                                 std::uint64_t far);
};

[[gnu::always_inline]] constexpr std::optional<Abort>
Abort::decode(std::uint64_t esr, std::uint64_t hpfar, std::uint64_t far) {
    const std::uint64_t ec = esr::ec::get(esr);
    if (ec != esr::ec_instruction_abort_lower && ec != esr::ec_data_abort_lower) {
        return std::nullopt;
    }
    const bool instruction = ec == esr::ec_instruction_abort_lower;
    const bool s1ptw = esr::s1ptw::is_set(esr);
    const bool has_far = !esr::fnv::is_set(esr);
    const FaultStatus status = FaultStatus::decode(esr::fsc::get(esr));
    const bool has_ipa = hpfar_valid(status.kind, s1ptw);
    const std::uint64_t offset = has_far && !s1ptw ? far & bit_mask(11, 0) : 0;
    // All at once: clearing it first would cost as much as what is said here.
    return Abort{
        .status = status,
        .instruction = instruction,
        .wnr = !instruction && esr::wnr::is_set(esr),
        .s1ptw = s1ptw,
        .cache_maintenance = !instruction && esr::cm::is_set(esr),
        .external = esr::ea::is_set(esr),
        .vncr = !instruction && esr::vncr::is_set(esr),
        .esr = esr,
        .far = has_far ? std::optional{far} : std::nullopt,
        .ipa =
            has_ipa ? std::optional{Ipa{(hpfar::fipa::get(hpfar) << 12) + offset}} : std::nullopt,
        .ipa_nonsecure = has_ipa && hpfar::ns::is_set(hpfar),
        .syndrome = !instruction && esr::isv::is_set(esr) && !s1ptw
                        ? std::optional{AccessSyndrome::decode(esr)}
                        : std::nullopt,
    };
}

} // namespace twofold
