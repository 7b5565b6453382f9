// SPDX-License-Identifier: MIT
// ID_AA64MMFR0_EL1, ID_AA64MMFR1_EL1 and ID_AA64MMFR2_EL1.
#include "tools/decode/decode.hpp"
#include "tools/decode/id_fields.hpp"

#include <twofold/arch/cpu_features.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace twofold::tool {

namespace {

using Words = std::string_view;

constexpr Words no_yes[] = {"no", "yes"};

// ID_AA64MMFR0_EL1
constexpr Words pa_range[] = {"32 bits", "36 bits", "40 bits", "42 bits",
                              "44 bits", "48 bits", "52 bits", "56 bits"};
constexpr Words asid_bits[] = {"8-bit ASIDs", "", "16-bit ASIDs"};
constexpr Words granule_16[] = {"no 16K granule", "16K granule", "16K granule with LPA2"};
constexpr Words granule_64[] = {"64K granule"};
constexpr Words granule_4[] = {"4K granule", "4K granule with LPA2"};
constexpr Words at_stage2[] = {"as at stage 1", "not at stage 2", "at stage 2",
                               "at stage 2, with LPA2"};
constexpr Words at_stage2_64[] = {"as at stage 1", "not at stage 2", "at stage 2"};
constexpr Words fgt[] = {"no", "fine-grained traps", "fine-grained traps, second version"};
constexpr Words ecv[] = {"no", "enhanced counter virtualization",
                         "enhanced counter virtualization with CNTPOFF_EL2"};

constexpr IdField mmfr0_fields[] = {
    {"PARange", 0, pa_range},
    {"ASIDBits", 4, asid_bits},
    {"BigEnd", 8, no_yes},
    {"SNSMem", 12, no_yes},
    {"BigEndEL0", 16, no_yes},
    {"TGran16", 20, granule_16},
    {"TGran64", 24, granule_64, "no 64K granule"},
    {"TGran4", 28, granule_4, "no 4K granule"},
    {"TGran16_2", 32, at_stage2},
    {"TGran64_2", 36, at_stage2_64},
    {"TGran4_2", 40, at_stage2},
    {"ExS", 44, no_yes},
    {"FGT", 56, fgt},
    {"ECV", 60, ecv},
};

// ID_AA64MMFR1_EL1
constexpr Words hafdbs[] = {
    "software sets access flag and dirty state", "hardware sets access flag",
    "hardware sets access flag and dirty state", "the same, and the access flag of tables (HAFT)",
    "the same, and a list of dirty pages (HDBSS)"};
constexpr Words vmid_bits[] = {"8-bit VMIDs", "", "16-bit VMIDs"};
constexpr Words hpds[] = {"no", "hierarchical permissions can be off",
                          "hierarchical permissions can be off, bits [62:59] used"};
constexpr Words pan[] = {"no", "PAN", "PAN and AT S1E1RP", "PAN, AT S1E1RP and SCTLR_ELx.EPAN"};
constexpr Words xnx[] = {"execute-never for EL0 and EL1 together",
                         "execute-never for EL0 and EL1 apart"};
constexpr Words ets[] = {"no", "no", "enhanced translation synchronization",
                         "enhanced translation synchronization, for more"};
constexpr Words ecbhb[] = {"not told", "branch history of one context does not steer another"};

constexpr IdField mmfr1_fields[] = {
    {"HAFDBS", 0, hafdbs},   {"VMIDBits", 4, vmid_bits}, {"VH", 8, no_yes},
    {"HPDS", 12, hpds},      {"LO", 16, no_yes},         {"PAN", 20, pan},
    {"SpecSEI", 24, no_yes}, {"XNX", 28, xnx},           {"TWED", 32, no_yes},
    {"ETS", 36, ets},        {"HCX", 40, no_yes},        {"AFP", 44, no_yes},
    {"nTLBPA", 48, no_yes},  {"TIDCP1", 52, no_yes},     {"CMOW", 56, no_yes},
    {"ECBHB", 60, ecbhb},
};

// ID_AA64MMFR2_EL1
constexpr Words va_range[] = {"48-bit virtual addresses", "52-bit virtual addresses (64K)",
                              "56-bit virtual addresses"};
constexpr Words nv[] = {"no", "nested virtualization", "nested virtualization, second version"};
constexpr Words st[] = {"input sizes down to 25 bits", "input sizes down to 16 bits (TTST)"};
constexpr Words ids[] = {"no", "traps of ID registers by EC 0x18",
                         "traps of more ID registers by EC 0x18"};
constexpr Words fwb[] = {"no", "HCR_EL2.FWB: stage 2 decides the memory type"};
constexpr Words ttl[] = {"no", "TLBIs have a level hint"};
constexpr Words bbm[] = {"block sizes change with break-before-make",
                         "level 1: with nT, without a break", "level 2: without a break"};
constexpr Words evt[] = {"no", "traps of TOCU, TICAB and TID4",
                         "traps of TOCU, TICAB, TID4, TTLBIS and TTLBOS"};

constexpr IdField mmfr2_fields[] = {
    {"CnP", 0, no_yes},        {"UAO", 4, no_yes},    {"LSM", 8, no_yes},   {"IESB", 12, no_yes},
    {"VARange", 16, va_range}, {"CCIDX", 20, no_yes}, {"NV", 24, nv},       {"ST", 28, st},
    {"AT", 32, no_yes},        {"IDS", 36, ids},      {"FWB", 40, fwb},     {"TTL", 48, ttl},
    {"BBM", 52, bbm},          {"EVT", 56, evt},      {"E0PD", 60, no_yes},
};

Decoded make(std::string name, std::uint64_t value) {
    return {.name = std::move(name),
            .value = value,
            .summary = {},
            .fields = {},
            .problems = {},
            .notes = {}};
}

std::string granule_in_words(const CpuFeatures& features, Granule granule, std::string_view name) {
    return !features.has(granule)       ? ""
           : features.has_lpa2(granule) ? fmt::format("{} with LPA2", name)
                                        : std::string{name};
}

} // namespace

Decoded decode_mmfr0(std::uint64_t value) {
    Decoded decoded = make("ID_AA64MMFR0_EL1", value);
    read_id_fields(decoded, mmfr0_fields);
    decoded.check_res0(bit_mask(55, 48));
    const CpuFeatures features = CpuFeatures::from({.mmfr0 = value});
    std::vector<std::string> granules = {granule_in_words(features, Granule::k4, "4K"),
                                         granule_in_words(features, Granule::k16, "16K"),
                                         granule_in_words(features, Granule::k64, "64K")};
    std::erase(granules, "");
    decoded.summary = fmt::format("{}-bit physical addresses; granules of stage 2: {}",
                                  features.pa_bits, fmt::join(granules, ", "));
    if (granules.empty()) {
        decoded.summary += "none";
        decoded.problems.emplace_back("no granule at stage 2, so that there can be no stage 2");
    }
    return decoded;
}

Decoded decode_mmfr1(std::uint64_t value) {
    Decoded decoded = make("ID_AA64MMFR1_EL1", value);
    read_id_fields(decoded, mmfr1_fields);
    const CpuFeatures features = CpuFeatures::from({.mmfr1 = value});
    decoded.summary =
        fmt::format("{}-bit VMIDs; {}; execute-never {}", features.vmid16 ? 16 : 8,
                    features.dirty_state   ? "access flag and dirty state by hardware"
                    : features.access_flag ? "access flag by hardware"
                                           : "access flag by software",
                    features.xnx ? "for EL0 and EL1 apart" : "for EL0 and EL1 together");
    return decoded;
}

Decoded decode_mmfr2(std::uint64_t value) {
    Decoded decoded = make("ID_AA64MMFR2_EL1", value);
    read_id_fields(decoded, mmfr2_fields);
    decoded.check_res0(bit_mask(47, 44));
    const CpuFeatures features = CpuFeatures::from({.mmfr2 = value});
    decoded.summary = fmt::format("FEAT_BBM level {}; {}; {}; {}", features.bbm,
                                  features.fwb ? "FWB" : "no FWB", features.ttl ? "TTL" : "no TTL",
                                  features.ttst ? "small input sizes" : "no small input sizes");
    if (features.bbm != 0 && !features.ttl) {
        decoded.notes.emplace_back("FEAT_BBM and FEAT_TTL are of the same version of the "
                                   "architecture (Armv8.4); one without the other is unusual");
    }
    return decoded;
}

} // namespace twofold::tool
