// SPDX-License-Identifier: MIT
// Registers of any 64 bits: syndromes, ID registers, VTCR_EL2 and VTTBR_EL2, and TLBI operands.
#pragma once

#include "check.hpp"
#include "cpu.hpp"
#include "decode_descriptor.hpp"

#include <twofold/model/walker.hpp>

#include <optional>

namespace twofold::fuzz {

// The codes of DFSC and IFSC that the manual gives a meaning, one bit each.
inline constexpr std::uint64_t known_fault_codes = [] {
    constexpr unsigned char codes[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                       0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13,
                                       0x14, 0x15, 0x16, 0x17, 0x18, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
                                       0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a,
                                       0x2b, 0x2c, 0x30, 0x31, 0x34, 0x35};
    std::uint64_t known = 0;
    for (const unsigned char code : codes) {
        known |= std::uint64_t{1} << code;
    }
    return known;
}();

inline void decode_abort(ByteChoices& choices) {
    // Mostly an abort from a lower level, as other classes are not looked into.
    std::uint64_t esr = choices.word();
    if (choices.below(8) != 0) {
        esr = (esr & ~(std::uint64_t{63} << 26)) |
              (std::uint64_t{choices.flag() ? 0x20U : 0x24U} << 26);
    }
    const std::uint64_t hpfar = choices.word();
    const std::uint64_t far = choices.word();
    const auto abort = Abort::decode(esr, hpfar, far);
    const std::uint64_t ec = (esr >> 26) & 63;
    check(abort.has_value() == (ec == 0x20 || ec == 0x24), "an abort is EC 0x20 or 0x24");
    if (!abort) {
        return;
    }
    const auto code = abort->status.encode();
    check(code ? *code == (esr & 63) : abort->status.kind == FaultKind::unknown,
          "a known fault status is encoded as it came");
    check(code.has_value() == ((known_fault_codes >> (esr & 63) & 1) != 0),
          "what the manual names is known");
    check(!to_string(abort->status.kind).empty(), "each kind has a name");
    check(abort->far.has_value() == (((esr >> 10) & 1) == 0), "FnV");
    if (abort->ipa) {
        check(abort->ipa->value >> 56 == 0, "an IPA has at most 56 bits");
        check(abort->ipa->value >> 12 == (hpfar >> 4 & 0xfff'ffff'ffff), "HPFAR_EL2.FIPA");
        check((abort->ipa->value & 0xfff) == (abort->far && !abort->s1ptw ? far & 0xfff : 0),
              "the offset in the page is that of FAR_EL2");
    }
    if (abort->syndrome) {
        const AccessSyndrome& s = *abort->syndrome;
        check(!abort->instruction && !abort->s1ptw, "only a data access has a syndrome");
        check(s.bytes <= 8 && s.bytes == 1U << ((esr >> 22) & 3) && s.reg < 32, "SAS and SRT");
    }
    check(abort->access() != AccessKind::fetch || abort->instruction, "who fetches");
}

inline void decode_id_registers(ByteChoices& choices) {
    const auto registers = [&] {
        return IdRegisters{.mmfr0 = choices.word(),
                           .mmfr1 = choices.word(),
                           .mmfr2 = choices.word(),
                           .mmfr3 = choices.word(),
                           .isar0 = choices.word(),
                           .isar1 = choices.word(),
                           .ctr = choices.word()};
    };
    const CpuFeatures a = CpuFeatures::from(registers());
    const CpuFeatures b = CpuFeatures::from(registers());
    const CpuFeatures common = CpuFeatures::common(a, b);
    check(common == CpuFeatures::common(b, a), "the order of CPUs does not matter");
    check(CpuFeatures::common(a, a) == a, "a CPU has all that it has");
    check(CpuFeatures::common(common, a) == common, "nothing in common is more than one has");
    constexpr bool CpuFeatures::*flags[] = {
        &CpuFeatures::granule_4k, &CpuFeatures::granule_16k, &CpuFeatures::granule_64k,
        &CpuFeatures::lpa2_4k,    &CpuFeatures::lpa2_16k,    &CpuFeatures::ttst,
        &CpuFeatures::xnx,        &CpuFeatures::access_flag, &CpuFeatures::dirty_state,
        &CpuFeatures::haft,       &CpuFeatures::vmid16,      &CpuFeatures::fwb,
        &CpuFeatures::ttl,        &CpuFeatures::cnp,         &CpuFeatures::evt,
        &CpuFeatures::tlbi_os,    &CpuFeatures::tlbi_range,  &CpuFeatures::xs,
        &CpuFeatures::s2pie,      &CpuFeatures::d128,        &CpuFeatures::vhe,
        &CpuFeatures::lse,        &CpuFeatures::dic,         &CpuFeatures::idc};
    for (const auto flag : flags) {
        check(common.*flag == (a.*flag && b.*flag), "in common is what both have");
    }
    check(common.pa_bits == std::min(a.pa_bits, b.pa_bits) && common.bbm == std::min(a.bbm, b.bbm),
          "and of numbers the least");
    check(a.pa_bits >= 32 && a.pa_bits <= 56, "PARange");
    check(!a.dirty_state || a.access_flag, "dirty state comes with the access flag");

    // What these CPUs can do together, each can do alone, in the same shape.
    const GeometryRequest request{
        .granule = all_granules[choices.below(std::size(all_granules))],
        .ipa_bits = static_cast<unsigned>(choices.below(65)),
        .pa_bits = static_cast<unsigned>(choices.below(65)),
        .lpa2 = choices.flag(),
        .prefer = choices.flag() ? Prefer::fewest_levels : Prefer::fewest_root_pages,
        .initial_level = choices.flag()
                             ? std::optional<Level>{static_cast<Level>(choices.below(8)) - 2}
                             : std::nullopt};
    const auto together = Geometry::make(common, request);
    if (!together) {
        check(!to_string(together.error()).empty(), "each error has a line");
        return;
    }
    check(together->ipa_bits() == request.ipa_bits, "the input size is what was asked for");
    check(together->root_tables() <= 16, "at most 16 concatenated tables");
    const auto alone = Geometry::make(a, {.granule = request.granule,
                                          .ipa_bits = request.ipa_bits,
                                          .pa_bits = together->pa_bits(),
                                          .lpa2 = request.lpa2,
                                          .initial_level = together->initial_level()});
    check(alone.has_value(), "each of the CPUs has what they have in common");
    check(alone->vtcr({}) == together->vtcr({}), "and the same VTCR_EL2");

    // A walk of an empty table ends where the geometry says that it begins.
    OneDescriptor memory{together->initial_level(), together->initial_level(), 0, 0};
    const Ipa ipa{choices.below(together->ipa_limit())};
    const auto walked = model::walk(walk_config_of(common, *together, Pa{}), memory, ipa, {});
    check(walked.visits.size() == 1 && walked.visits[0].level == together->initial_level(),
          "a walk begins at the initial level");
    check(walked.visits[0].address.value == 8 * together->index(ipa, together->initial_level()),
          "and at the entry of the address");
}

inline void decode_table_registers(ByteChoices& choices) {
    const CpuFeatures f = choose_features(choices);
    const Geometry g = choose_geometry(choices, f);
    const Pa root{choices.below(std::uint64_t{1} << 52)};
    const auto vmid = static_cast<unsigned>(choices.below(0x20000));
    const bool cnp = choices.flag();
    const auto vttbr = Vttbr::make(g, root, vmid, f.vmid16, cnp);
    const bool legal = root.value % g.root_bytes() == 0 &&
                       root.value + g.root_bytes() <= std::uint64_t{1} << g.pa_bits() &&
                       vmid != 0 && vmid < (f.vmid16 ? 0x10000U : 0x100U);
    check(vttbr.has_value() == legal, "a root and a VMID that the register holds");
    const Vttbr any{choices.word()};
    check(any.root(g).value >> 52 == 0, "a root has at most 52 bits");
    if (!vttbr) {
        return;
    }
    check(vttbr->root(g) == root, "the root comes out again");
    check(vttbr->value >> 48 == vmid && (vttbr->value & 1) == (cnp ? 1 : 0), "VMID and CnP");
    const Vtcr vtcr = g.vtcr(VtcrOptions::of(f));
    check(vtcr.ipa_bits() == g.ipa_bits(), "T0SZ is 64 less the input size");
    // And the walker finds the root there.
    OneDescriptor memory{g.initial_level(), g.initial_level(), 0, 0};
    model::WalkConfig config = walk_config_of(f, g, Pa{});
    config.vttbr = vttbr->value;
    const auto walked = model::walk(config, memory, Ipa{0}, {});
    check(walked.visits.size() == 1 && walked.visits[0].address == root,
          "a walk begins at the root");
}

inline void decode_tlbi_operands(ByteChoices& choices) {
    const Granule granule = all_granules[choices.below(std::size(all_granules))];
    const bool lpa2 = granule != Granule::k64 && choices.flag();
    const unsigned page = granule == Granule::k4 ? 12 : granule == Granule::k16 ? 14 : 16;
    const auto level = choices.flag()
                           ? std::optional<Level>{static_cast<Level>(choices.below(5)) - 1}
                           : std::nullopt;
    // The widest input that the format has.
    const unsigned ipa_bits = granule == Granule::k64 || lpa2 ? 52 : 48;
    const Ipa ipa{choices.below(std::uint64_t{1} << ipa_bits)};

    const TlbiByIpa by_ipa = TlbiByIpa::make(granule, lpa2, ipa, level);
    check(by_ipa.ipa().value == ipa.value >> 12 << 12, "the page comes out again");
    check((by_ipa.value & ~(std::uint64_t{0xf} << 44 | 0xff'ffff'ffff)) == 0, "no other bits");

    const std::uint64_t count = 1 + choices.below(std::uint64_t{1} << 22);
    const auto by_range = TlbiByRange::make(granule, lpa2, ipa, count, level);
    if (by_range) {
        check(by_range->base(granule, lpa2) == ipa, "the base comes out again");
        check(by_range->count() == count, "the number of pages comes out again");
        check(by_range->value >> 48 == 0, "no other bits");
    } else {
        check(!to_string(by_range.error()).empty(), "each error has a line");
    }
    const std::uint64_t largest = TlbiByRange::largest_pages(count);
    check(largest <= count && (largest != 0 || count < 2), "no more than is there");
    if (largest != 0) {
        const Ipa base{ipa.value >> 16 << 16};
        check(TlbiByRange::make(granule, lpa2, base, largest, std::nullopt).has_value(),
              "the largest count is one that an operation has");
        check(largest > count / 33, "the largest step is worth while");
    }
    // Any register at all.
    const TlbiByRange any{choices.word()};
    check(any.count() >= 2 && any.count() <= std::uint64_t{1} << 21, "SCALE and NUM");
    check(any.base(granule, lpa2).value % (std::uint64_t{1} << page) == 0, "BaseADDR is a page");
    check(TlbiByIpa{choices.word()}.ipa().value >> 52 == 0, "an IPA has at most 52 bits");
}

} // namespace twofold::fuzz
