// SPDX-License-Identifier: MIT
// The syndrome of a stage-2 fault.
#include <twofold/model/bits.hpp>
#include <twofold/model/walk_fault.hpp>

namespace twofold::model {

namespace {

// EncodeLDFSC. Levels below 0 have codes of their own, where there are any.
std::uint32_t encode_fsc(FaultKind kind, int level) {
    const auto ll = static_cast<std::uint32_t>(level & 3);
    switch (kind) {
    case FaultKind::address_size:
        return level < 0 ? 0x29 : ll;
    case FaultKind::translation:
        return level < 0 ? 0x2b : 0x04 | ll;
    case FaultKind::access_flag:
        return 0x08 | ll;
    case FaultKind::permission:
        return 0x0c | ll;
    case FaultKind::alignment:
        return 0x21;
    case FaultKind::external_on_walk:
        return level < 0 ? 0x13 : 0x14 | ll;
    }
    return 0;
}

// IPAValid: a permission fault reports the IPA only for a stage-1 walk.
bool reports_ipa(FaultKind kind, bool stage1_walk) {
    switch (kind) {
    case FaultKind::address_size:
    case FaultKind::translation:
    case FaultKind::access_flag:
        return true;
    case FaultKind::permission:
        return stage1_walk;
    default:
        return false;
    }
}

} // namespace

// AArch64.FaultSyndrome and AArch64.ReportException
WalkFault make_fault(FaultKind kind, int level, Ipa ipa, const Access& access, bool write,
                     bool dirty_bit) {
    WalkFault fault;
    fault.kind = kind;
    fault.level = level;
    fault.dirty_bit = dirty_bit;
    fault.dfsc = encode_fsc(kind, level);

    fault.iss = fault.dfsc;                                              // [5:0] DFSC
    fault.iss |= is_address_translation(access) || write ? 1U << 6 : 0U; // [6] WnR
    fault.iss |= is_stage1_walk(access) ? 1U << 7 : 0U;                  // [7] S1PTW
    fault.iss |= is_address_translation(access) ? 1U << 8 : 0U;          // [8] CM
    fault.iss2 = dirty_bit ? 1U << 5 : 0U;                               // [5] DirtyBit

    fault.hpfar_valid = reports_ipa(kind, is_stage1_walk(access));
    fault.hpfar = field(ipa.value, 55, 12) << 4; // [47:4] FIPA
    return fault;
}

} // namespace twofold::model
