// SPDX-License-Identifier: MIT
// Operands of TLBI IPAS2(L)E1 and RIPAS2(L)E1.
#include "tools/decode/decode.hpp"
#include "tools/text/size.hpp"

#include <twofold/arch/tlbi.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

// TG and TTL[3:2] have the same code.
std::optional<Granule> granule_of(std::uint64_t code) {
    for (const Granule granule : all_granules) {
        if (const auto ttl = ttl_of(granule, page_level, false); ttl && *ttl >> 2 == code) {
            return granule;
        }
    }
    return std::nullopt;
}

void check_granule(Decoded& decoded, Granule granule, const Geometry& geometry) {
    if (granule != geometry.granule()) {
        decoded.problems.push_back(fmt::format("it is for the {} granule, and the table has {}",
                                               granule_words(granule),
                                               granule_words(geometry.granule())));
    }
}

void check_hint(Decoded& decoded, Granule granule, Level level, const CpuFeatures& features,
                const Geometry& geometry) {
    if (!features.ttl) {
        decoded.problems.emplace_back("TTL is set: RES0 without FEAT_TTL");
    }
    if (!ttl_of(granule, level, geometry.lpa2())) {
        decoded.problems.push_back(fmt::format("TTL: the {} granule has no hint for level {}{}; it "
                                               "acts as none",
                                               granule_words(granule), level,
                                               geometry.lpa2() ? "" : " without LPA2"));
    } else if (!geometry.leaf_allowed(level)) {
        decoded.problems.push_back(fmt::format(
            "TTL: level {} of this table has no leaves, so that nothing is invalidated", level));
    }
}

void check_reach(Decoded& decoded, std::uint64_t start, std::uint64_t end,
                 const Geometry& geometry) {
    if (start >= geometry.ipa_limit()) {
        decoded.problems.push_back(
            fmt::format("IPA {:#x} is beyond the {}-bit IPA space", start, geometry.ipa_bits()));
    } else if (end > geometry.ipa_limit()) {
        decoded.notes.push_back(
            fmt::format("the range reaches beyond the {}-bit IPA space", geometry.ipa_bits()));
    }
}

void by_ipa(Decoded& decoded, const CpuFeatures& features, const Geometry& geometry) {
    const TlbiByIpa operand{decoded.value};
    const std::uint64_t ttl = TlbiByIpa::ttl::get(decoded.value);
    const auto granule = granule_of(ttl >> 2);
    const auto level = static_cast<Level>(ttl & 3);
    std::string hint = "no hint: entries of every level";
    if (granule) {
        hint = fmt::format("{} granule, level {} only", granule_words(*granule), level);
        check_granule(decoded, *granule, geometry);
        check_hint(decoded, *granule, level, features, geometry);
    } else if (ttl != 0) {
        hint = "no hint, and reserved";
        decoded.problems.push_back(
            fmt::format("TTL = {} is reserved: a level without a granule", ttl));
    }
    const std::uint64_t ipa = operand.ipa().value;
    decoded.fields = {
        register_field<TlbiByIpa::ipa_51_12>("IPA[51:12]", decoded.value,
                                             fmt::format("IPA {:#x}", ipa)),
        register_field<TlbiByIpa::ttl>("TTL", decoded.value, hint),
        register_field<TlbiByIpa::ns>("NS", decoded.value, "the IPA space; Secure state only")};
    decoded.summary = fmt::format("IPA {:#x}, {}", ipa, hint);
    decoded.check_res0(bit_mask(62, 48) | bit_mask(43, 40));
    check_reach(decoded, ipa, ipa, geometry);
    if (granule == geometry.granule() && ttl_of(*granule, level, geometry.lpa2()) &&
        !operand.ipa().is_aligned(geometry.entry_size(level))) {
        decoded.notes.push_back(
            fmt::format("the entry around it begins at {:#x}",
                        operand.ipa().align_down(geometry.entry_size(level)).value));
    }
}

void by_range(Decoded& decoded, const CpuFeatures& features, const Geometry& geometry) {
    const TlbiByRange operand{decoded.value};
    const std::uint64_t v = decoded.value;
    const auto granule = granule_of(TlbiByRange::tg::get(v));
    const auto level = static_cast<Level>(TlbiByRange::ttl::get(v));
    const Granule counted_in = granule.value_or(geometry.granule());
    const Ipa base = operand.base(counted_in, geometry.lpa2());
    const std::uint64_t bytes = operand.count() * granule_bytes(counted_in);
    const std::string hint =
        level == 0 ? "no hint: entries of every level" : fmt::format("level {} only", level);
    decoded.fields = {
        register_field<TlbiByRange::base_addr>(
            "BaseADDR", v,
            fmt::format("from IPA {:#x}, in units of {}", base.value,
                        size_words(TlbiByRange::base_unit(counted_in, geometry.lpa2())))),
        register_field<TlbiByRange::ttl>("TTL", v, hint),
        register_field<TlbiByRange::num>(
            "NUM", v, fmt::format("{}, with SCALE", counted(operand.count(), "page"))),
        register_field<TlbiByRange::scale>("SCALE", v, ""),
        register_field<TlbiByRange::tg>(
            "TG", v, granule ? granule_words(*granule) + " granule" : "reserved"),
        register_field<TlbiByRange::ns>("NS", v, "the IPA space; Secure state only")};
    decoded.summary = fmt::format("IPA {:#x} to {:#x}, {}, {}", base.value, base.value + bytes - 1,
                                  size_words(bytes), hint);
    decoded.check_res0(bit_mask(62, 48));
    if (!features.tlbi_range) {
        decoded.problems.emplace_back("the CPU has no TLBI by range (FEAT_TLBIRANGE)");
    }
    if (!granule) {
        decoded.problems.emplace_back("TG = 0 is reserved: nothing is invalidated");
        return;
    }
    check_granule(decoded, *granule, geometry);
    if (level != 0) {
        check_hint(decoded, *granule, level, features, geometry);
        if (const std::uint64_t entry = std::uint64_t{1} << level_shift(*granule, level);
            !base.is_aligned(entry)) {
            decoded.problems.push_back(
                fmt::format("the base is not aligned to an entry of level {}, {}: UNPREDICTABLE",
                            level, size_words(entry)));
        }
    }
    check_reach(decoded, base.value, base.value + bytes, geometry);
}

} // namespace

Decoded decode_tlbi_operand(std::uint64_t value, TlbiOperandKind kind, const CpuFeatures& features,
                            const Geometry& geometry) {
    const bool range = kind == TlbiOperandKind::ripas2;
    Decoded decoded{.name = range ? "operand of TLBI RIPAS2(L)E1" : "operand of TLBI IPAS2(L)E1",
                    .value = value,
                    .summary = {},
                    .fields = {},
                    .problems = {},
                    .notes = {}};
    if (range) {
        by_range(decoded, features, geometry);
    } else {
        by_ipa(decoded, features, geometry);
    }
    decoded.notes.emplace_back("it acts on the VMID in VTTBR_EL2; what is cached of both stages "
                               "together goes only with TLBI VMALLE1 after a DSB");
    return decoded;
}

} // namespace twofold::tool
