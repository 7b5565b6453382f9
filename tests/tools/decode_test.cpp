// SPDX-License-Identifier: MIT
// `twofold decode` against values taken apart by hand with the manual's tables.
#include "program.hpp"
#include "tools/cpu/known_cpu.hpp"
#include "tools/decode/decode.hpp"

#include <twofold/arch/vtcr_geometry.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace twofold::tool {
namespace {

CpuFeatures cpu(std::string_view name) { return CpuFeatures::from(find_cpu(name)->registers); }

TableInUse table_of(std::string_view name, const GeometryRequest& request,
                    std::optional<bool> fwb = {}) {
    const CpuFeatures features = cpu(name);
    const Geometry geometry = Geometry::make(features, request).value();
    return {.features = features,
            .geometry = geometry,
            .vtcr = geometry.vtcr(VtcrOptions::of(features)),
            .fwb = fwb};
}

std::string meaning(const Decoded& decoded, std::string_view name) {
    const auto found = std::ranges::find(decoded.fields, name, &RegisterField::name);
    return found == decoded.fields.end() ? "absent" : found->meaning;
}

// One of the problems, and the only one if `alone`.
void expect_problem(const Decoded& decoded, std::string_view part, bool alone = true) {
    const bool found = std::ranges::any_of(decoded.problems, [part](const std::string& problem) {
        return problem.find(part) != std::string::npos;
    });
    EXPECT_TRUE(found) << part << "\nis not in\n" << decoded_text(decoded);
    if (alone) {
        EXPECT_EQ(decoded.problems.size(), 1U) << decoded_text(decoded);
    }
}

void expect_note(const Decoded& decoded, std::string_view part) {
    EXPECT_TRUE(std::ranges::any_of(
        decoded.notes,
        [part](const std::string& note) { return note.find(part) != std::string::npos; }))
        << part << "\nis not in\n"
        << decoded_text(decoded);
}

void expect_fine(const Decoded& decoded) {
    EXPECT_TRUE(decoded.problems.empty()) << decoded_text(decoded);
}

// 0x8002'3558 is T0SZ 24, SL0 1, WBWA, inner shareable, 4K, PS 40 bits, and RES1.
TEST(DecodeVtcr, WhatIsInconsistent) {
    expect_fine(decode_vtcr(0x8002'3558, cpu("cortex-a53")));
    struct Case {
        std::uint64_t value;
        const char* cpu;
        const char* problem;
    };
    const Case cases[] = {
        {0x8002'3518, "max",
         "SL0 = 0 is inconsistent with T0SZ = 24: a table that begins at level "
         "2 resolves 22 to 34 bits, not 40"},
        {0x8002'f558, "max", "TG0 = 3 is reserved"},
        {0x0002'3558, "max", "[31] clear: RES1"},
        {0x8002'1558, "max", "SH0 = 1 is reserved"},
        {0x8012'3558, "max", "[20] set: RES0"},
        {0x8005'3558, "cortex-a53", "PS = 5 asks for 48 bits, and the CPU has 40: it acts as 40"},
        {0x8006'3558, "max", "PS = 6 asks for 52 bits, and descriptors hold 48 without LPA2"},
        {0x8007'3558, "max", "PS = 7 is reserved without FEAT_D128; it acts as 48 bits"},
        {0x8022'3558, "cortex-a72", "HA is set, and the CPU does not set access flags"},
        {0x8042'3558, "max", "HD counts only with HA"},
        {0x800a'3558, "cortex-a72", "VS is set, and the CPU has 8-bit VMIDs"},
        {0x1'8002'3558, "cortex-a72", "lpa2: the CPU has no LPA2"},
        {0x2'8002'3558, "max", "SL2 counts only with LPA2"},
        {0x10'8002'3558, "max", "S2PIE is set"},
        // Level 0 with 40-bit physical addresses: AArch64.S2InvalidSL.
        {0x8002'3598, "cortex-a53", "initial_level: not available"},
        // T0SZ 10: 54 bits.
        {0x8002'354a, "max", "ipa_bits: above the largest input size"},
    };
    for (const Case& c : cases) {
        expect_problem(decode_vtcr(c.value, cpu(c.cpu)), c.problem);
    }
    // The 16K granule, SL0 1 and 40 bits: level 2 with 16 tables.
    expect_note(decode_vtcr(0x8002'b558, cpu("max")), "the root: 16 tables, 256 KiB");
}

TEST(DecodeVttbr, TheRoot) {
    // 40 bits from level 1: 1024 entries, 8 KiB.
    const TableInUse table = table_of("cortex-a72", {.ipa_bits = 40});
    const Decoded good = decode_vttbr(0x0007'0000'4000'2000, table.features, table);
    expect_fine(good);
    EXPECT_EQ(good.summary, "root at 0x40002000, VMID 7");
    expect_problem(decode_vttbr(0x0007'0000'4000'3000, table.features, table),
                   "BADDR 0x40003000 is not aligned: the root has 1024 entries, and the CPU takes "
                   "0x40002000");
    // 44 bits are 0..0xfff'ffff'ffff.
    expect_problem(decode_vttbr(0x0007'1000'0000'0000, table.features, table),
                   "does not fit 44-bit addresses");
    expect_problem(decode_vttbr(0x0107'0000'4000'2000, table.features, table),
                   "VMID [63:56] set: VMIDs have 8 bits");
    expect_problem(decode_vttbr(0x0007'0000'4000'2001, table.features, table), "FEAT_TTCNP");
    const Decoded alone = decode_vttbr(0x0000'0000'4000'2000, table.features, {});
    expect_fine(alone);
    expect_note(alone, "VMID 0");
    expect_note(alone, "--vtcr");
}

TEST(DecodeVttbr, UpperAddressBitsWithLpa2) {
    const TableInUse table =
        table_of("max", {.ipa_bits = 48, .lpa2 = true, .prefer = Prefer::fewest_root_pages});
    // [5:2] = 0101: address bits 51:48.
    EXPECT_EQ(decode_vttbr(0x0001'0000'4000'1014, table.features, table).summary,
              "root at 0x5000040001000, VMID 1");
}

// MemAttr 1111, S2AP 11, SH 11, AF: 0x7fc.
TEST(DecodeDescriptor, Kinds) {
    const TableInUse table = table_of("cortex-a72", {.ipa_bits = 40}, false);
    EXPECT_EQ(decode_descriptor(0x4000'07fd, table, 1).summary,
              "block of 1 GiB at 0x40000000, rwx Normal-WB");
    EXPECT_EQ(decode_descriptor(0x4000'07ff, table, 3).summary,
              "page of 4 KiB at 0x40000000, rwx Normal-WB");
    EXPECT_EQ(decode_descriptor(0x4000'0003, table, 1).summary, "table at 0x40000000");
    EXPECT_EQ(decode_descriptor(0x4000'07fc, table, 1).summary, "invalid");
    // XN 10, S2AP 01, device.
    EXPECT_EQ(decode_descriptor(0x40'0000'0900'0747, table, 3).summary,
              "page of 4 KiB at 0x9000000, r-- Device-nGnRE");
    expect_problem(decode_descriptor(0x4000'07fd, table, 3), "type 01 is reserved at level 3");
    const TableInUse four = table_of("neoverse-n1", {.ipa_bits = 48}, false);
    expect_problem(decode_descriptor(0x4000'07fd, four, 0), "level 0 has no blocks without LPA2");
    const TableInUse wide = table_of("max", {.ipa_bits = 48, .lpa2 = true}, false);
    expect_fine(decode_descriptor(0x80'0000'04fd, wide, 0));
}

TEST(DecodeDescriptor, WhatIsInconsistent) {
    const TableInUse table = table_of("cortex-a72", {.ipa_bits = 40}, false);
    struct Case {
        std::uint64_t value;
        Level level;
        const char* problem;
    };
    const Case cases[] = {
        {0x4010'07fd, 1, "the output address is not aligned to 1 GiB: [20] set"},
        {0x4000'17fd, 2, "the output address is not aligned to 2 MiB: [12] set"},
        {0x1000'4000'07ff, 3, "does not fit 44-bit addresses"},
        {0x1'0000'4000'07ff, 3, "[48] set: RES0"},
        {0x4000'05ff, 3, "SH = 1 is reserved"},
        {0x4000'07f3, 3, "MemAttr = 12 is reserved"},
        {0x20'0000'4000'07ff, 3, "[53] set: RES0 without FEAT_XNX"},
        {0x4000'0fff, 3, "FnXS is set: RES0 without FEAT_XS"},
        {0x4001'07fd, 2, "nT is set: RES0 without FEAT_BBM"},
        {0x8'0000'4000'07ff, 3, "DBM is set"},
        {0x1000'0000'0003, 2, "the table does not fit 44-bit addresses"},
        {0x8000'0000'4000'0003, 2, "[63] set: RES0 at stage 2"},
    };
    for (const Case& c : cases) {
        expect_problem(decode_descriptor(c.value, table, c.level), c.problem);
    }
    expect_note(decode_descriptor(0x4000'03ff, table, 3), "the first access is an access flag");
}

TEST(DecodeDescriptor, TheContiguousBit) {
    // A run of pages is 64 KiB: 0x4000'3000 is its fourth page.
    const TableInUse table = table_of("cortex-a72", {.ipa_bits = 40}, false);
    expect_note(decode_descriptor(0x10'0000'4000'37ff, table, 3), "place 3 of its run");
    EXPECT_EQ(meaning(decode_descriptor(0x10'0000'4000'37ff, table, 3), "Contiguous"),
              "one of 16 that map 64 KiB");
    // 33 bits from level 1 are eight blocks of 1 GiB; a run would be 16.
    const TableInUse small = table_of("cortex-a72", {.ipa_bits = 33, .initial_level = 1}, false);
    expect_problem(decode_descriptor(0x10'0000'4000'07fd, small, 1),
                   "a run of 16 GiB is larger than the 33-bit IPA space");
    const TableInUse wide = table_of("max", {.ipa_bits = 48, .lpa2 = true}, false);
    expect_problem(decode_descriptor(0x10'0000'0000'04fd, wide, 0), "level 0 has no runs");
}

TEST(DecodeDescriptor, WithFwbOtherMemoryTypes) {
    const GeometryRequest request{.ipa_bits = 40};
    // MemAttr 0110
    EXPECT_EQ(meaning(decode_descriptor(0x4000'07db, table_of("max", request, true), 3), "MemAttr"),
              "Normal-WB");
    EXPECT_EQ(meaning(decode_descriptor(0x4000'07db, table_of("max", request), 3), "MemAttr"),
              "Normal-NC (Normal-WB with HCR_EL2.FWB)");
    expect_problem(decode_descriptor(0x4000'07ff, table_of("max", request, true), 3),
                   "MemAttr = 15 is reserved");
}

// 64K granule with 52 bits: [15:12] are address bits 51:48.
TEST(DecodeDescriptor, UpperAddressBitsOf64K) {
    const TableInUse table = table_of("max", {.granule = Granule::k64, .ipa_bits = 48}, false);
    EXPECT_EQ(decode_descriptor(0x4000'37ff, table, 3).summary,
              "page of 64 KiB at 0x3000040000000, rwx Normal-WB");
    expect_problem(
        decode_descriptor(0x4001'07fd,
                          table_of("neoverse-n1", {.granule = Granule::k64, .ipa_bits = 48}, false),
                          2),
        "nT is set");
}

// The first MMIO write of a guest of KVM on cortex-a72: kvm_guest_fault: ipa 0x9000000, hsr
// 0x93800045, hxfar 0x9000000; kvm_mmio: mmio write len 4.
TEST(DecodeEsr, AnMmioWrite) {
    const Decoded decoded = decode_esr(0x9380'0045, 0x9'0000, 0x900'0000);
    expect_fine(decoded);
    EXPECT_EQ(decoded.summary, "translation fault at level 1: a write at IPA 0x9000000, virtual "
                               "address 0x9000000");
    expect_note(decoded, "the instruction: 4 bytes from W0");
    EXPECT_EQ(meaning(decoded, "EC"), "data abort from a lower exception level");
}

// And its first read: hsr 0x938c0005: SRT 12.
TEST(DecodeEsr, AnMmioRead) {
    const Decoded decoded = decode_esr(0x938c'0005, 0xa'0000, {});
    expect_fine(decoded);
    EXPECT_EQ(decoded.summary, "translation fault at level 1: a read in the page at IPA 0xa000000");
    expect_note(decoded, "4 bytes into W12");
}

TEST(DecodeEsr, WhereHpfarIsUnknown) {
    // Permission fault, level 3, a write without ISV.
    const Decoded direct = decode_esr(0x9200'004f, 0x9'0000, 0x1234);
    expect_fine(direct);
    EXPECT_EQ(direct.summary.find("IPA"), std::string::npos) << direct.summary;
    expect_note(direct, "HPFAR_EL2 is UNKNOWN after a permission fault");
    // The same with S1PTW: the IPA of the page with the stage-1 table.
    const Decoded walk = decode_esr(0x9200'008f, 0x9'0000, 0x1234);
    expect_fine(walk);
    EXPECT_EQ(walk.summary, "permission fault at level 3: the walk of a stage-1 table for a data "
                            "access in the page at IPA 0x9000000, virtual address 0x1234");
}

TEST(DecodeEsr, WhatContradictsItself) {
    struct Case {
        std::uint64_t value;
        const char* problem;
    };
    const Case cases[] = {
        {0x9200'003f, "DFSC = 0x3f is reserved"},
        {0x9300'0085, "ISV and S1PTW are set"},
        {0x9300'0145, "ISV and CM are set"},
        {0x9200'0105, "CM is set without WnR"},
        {0x9280'0005, "[23] set: RES0 without ISV"},
        {0x9200'0405, "FnV is set"},
        {0x9200'0205, "EA is set, and it is no external abort"},
        {0x9200'0805, "SET is not 0"},
        {0x9000'0005, "IL is clear"},
        {0x8000'0005, "IL is clear: it is 1 for instruction aborts"},
        {0x8200'0045, "[6] set: RES0 in an instruction abort"},
        {0x8300'0005, "[24] set: RES0 in an instruction abort"},
        {0x9320'8045, "SSE and WnR are set"},
        {0x93e0'8005, "SSE is set, and 8 bytes fill the register"},
        {0x93a0'0005, "SSE is set, and 4 bytes fill the register"},
        {0x93c0'0005, "SAS says 8 bytes, and SF a 32-bit register"},
        {0x9200'00a1, "S1PTW is set: a walk of stage-1 tables has no fault of this kind"},
        {0x20'9200'0005, "it is no permission fault"},
        {0x0800'0000, "EC = 0x2 is reserved"},
    };
    for (const Case& c : cases) {
        expect_problem(decode_esr(c.value, {}, {}), c.problem);
    }
    // LDRSW is 4 bytes into an X register.
    expect_fine(decode_esr(0x93a0'8005, {}, {}));
    expect_problem(decode_esr(0x9200'0005, 0x9'0008, {}), "HPFAR_EL2: [3] set: RES0");
}

TEST(DecodeEsr, OtherClasses) {
    const Decoded hvc = decode_esr(0x5a00'0000, {}, {});
    expect_fine(hvc);
    EXPECT_EQ(hvc.summary, "HVC from AArch64");
}

TEST(DecodeIdRegisters, ThoseOfKnownCpus) {
    for (const KnownCpu& known : known_cpus()) {
        SCOPED_TRACE(known.name);
        expect_fine(decode_mmfr0(known.registers.mmfr0));
        expect_fine(decode_mmfr1(known.registers.mmfr1));
        expect_fine(decode_mmfr2(known.registers.mmfr2));
    }
    EXPECT_EQ(decode_mmfr0(0x1122).summary,
              "40-bit physical addresses; granules of stage 2: 4K, 64K");
    // TGran4 = 1 is "with LPA2", not "none"; TGran4_2 = 3 the same for stage 2.
    EXPECT_EQ(decode_mmfr0(0x0f00'0000 | 0x1000'0006).summary,
              "52-bit physical addresses; granules of stage 2: 4K with LPA2");
    expect_problem(decode_mmfr0(0xff00'0006), "no granule at stage 2");
    expect_problem(decode_mmfr0(0x1'0006'1122), "BigEndEL0 = 6 is reserved");
    expect_problem(decode_mmfr1(0x10), "VMIDBits = 1 is reserved");
    expect_problem(decode_mmfr2(0x1000'0000'0000), "[44] set: RES0");
}

TEST(DecodeTlbi, ByIpa) {
    const CpuFeatures features = cpu("max");
    const Geometry geometry = Geometry::make(features, {.ipa_bits = 40}).value();
    const auto decode = [&](std::uint64_t value) {
        return decode_tlbi_operand(value, TlbiOperandKind::ipas2, features, geometry);
    };
    // TTL 0111: 4K, level 3
    const Decoded page = decode(0x7000'0000'0005);
    expect_fine(page);
    EXPECT_EQ(page.summary, "IPA 0x5000, 4K granule, level 3 only");
    expect_note(decode(0x6000'0000'0205), "the entry around it begins at 0x200000");
    expect_problem(decode(0x4000'0000'0005), "the 4K granule has no hint for level 0 without LPA2");
    expect_problem(decode(0x3000'0000'0005), "TTL = 3 is reserved: a level without a granule");
    expect_problem(decode(0xb000'0000'0005), "it is for the 16K granule, and the table has 4K");
    expect_problem(decode(0x1'7000'0000'0005), "[48] set: RES0");
    expect_problem(decode(0x7000'1000'0000), "beyond the 40-bit IPA space");
    const CpuFeatures old = cpu("neoverse-n1");
    expect_problem(decode_tlbi_operand(0x7000'0000'0005, TlbiOperandKind::ipas2, old, geometry),
                   "RES0 without FEAT_TTL");
}

TEST(DecodeTlbi, ByRange) {
    const CpuFeatures features = cpu("max");
    const auto decode = [&](std::uint64_t value, bool lpa2 = false) {
        return decode_tlbi_operand(
            value, TlbiOperandKind::ripas2, features,
            Geometry::make(features, {.ipa_bits = 40, .lpa2 = lpa2}).value());
    };
    // TG 01, SCALE 0, NUM 15, TTL 3: (15 + 1) * 2 pages
    const Decoded pages = decode(0x47e0'0008'0000);
    expect_fine(pages);
    EXPECT_EQ(pages.summary, "IPA 0x80000000 to 0x8001ffff, 128 KiB, level 3 only");
    EXPECT_EQ(decode(0x47e0'0000'8000, true).summary,
              "IPA 0x80000000 to 0x8001ffff, 128 KiB, level 3 only");
    expect_problem(decode(0x07e0'0008'0000), "TG = 0 is reserved");
    // TTL 2 with a base of 1 MiB.
    expect_problem(decode(0x4040'0000'0100), "not aligned to an entry of level 2, 2 MiB");
}

// What a live KVM had in its registers and tables, and what its guests' faults said.
TEST(DecodeRealValues, OfKvmOnNeoverseN1) {
    const CpuFeatures features = cpu("neoverse-n1");
    const Vtcr vtcr{0x802d'3558};
    const TableInUse table{.features = features,
                           .geometry = geometry_of(features, vtcr).value(),
                           .vtcr = vtcr,
                           .fwb = false};
    EXPECT_EQ(decode_vtcr(vtcr.value, features).summary,
              "4K granule, 40-bit IPA, initial level 1, 48-bit output addresses, 16-bit VMID, "
              "access flag by hardware, dirty state by software");
    const Decoded root = decode_vttbr(0x0001'0000'40dc'0001, features, table);
    expect_fine(root);
    EXPECT_EQ(root.summary, "root at 0x40dc0000, VMID 1");
    const std::pair<std::uint64_t, const char*> entries[] = {
        {0x40f7'7003, "table at 0x40f77000"},
        {0x4073'87ff, "page of 4 KiB at 0x40738000, rwx Normal-WB"},
        {0x0040'0000'482b'd7ff, "page of 4 KiB at 0x482bd000, rw- Normal-WB"},
    };
    for (const auto& [value, summary] : entries) {
        const Level level = (value & 0xfff) == 3 ? 1 : 3;
        const Decoded decoded = decode_descriptor(value, table, level);
        expect_fine(decoded);
        EXPECT_EQ(decoded.summary, summary);
    }
}

TEST(DecodeRealValues, OfKvmWithLpa2AndFwb) {
    const CpuFeatures features = cpu("max");
    const Vtcr vtcr{0x1'802e'351e};
    const TableInUse table{.features = features,
                           .geometry = geometry_of(features, vtcr).value(),
                           .vtcr = vtcr,
                           .fwb = true};
    expect_fine(decode_vtcr(vtcr.value, features));
    const Decoded root = decode_vttbr(0x0001'0000'45c3'0001, features, table);
    expect_fine(root);
    EXPECT_EQ(root.summary, "root at 0x45c30000, VMID 1");
    const Decoded block = decode_descriptor(0x0040'0000'4340'04d9, table, 2);
    expect_fine(block);
    EXPECT_EQ(block.summary, "block of 2 MiB at 0x43400000, rw- Normal-WB");
}

TEST(DecodeRealValues, FaultsOfAGuest) {
    const std::pair<std::uint64_t, const char*> faults[] = {
        {0x8200'0005, "translation fault at level 1: a fetch"},
        {0x8200'0007, "translation fault at level 3: a fetch"},
        {0x9200'0046, "translation fault at level 2: a write"},
        {0x9300'0007, "translation fault at level 3: a read"},
        {0x93c0'8006, "translation fault at level 2: a read"},
        {0x93c0'8047, "translation fault at level 3: a write"},
    };
    for (const auto& [value, summary] : faults) {
        const Decoded decoded = decode_esr(value, {}, {});
        expect_fine(decoded);
        EXPECT_EQ(decoded.summary, summary);
    }
}

TEST(DecodeCommand, StatusAndReadings) {
    EXPECT_EQ(run_program("decode vtcr 0x80023558").status, 0);
    EXPECT_EQ(run_program("decode vtcr 0x3").status, 1);
    const ProgramResult bad = run_program("decode esr fault");
    EXPECT_EQ(bad.status, 2);
    EXPECT_EQ(bad.errors, "twofold: value: expected a number, not \"fault\"\n");
    EXPECT_EQ(run_program("decode").status, 2);
    EXPECT_EQ(run_program("decode desc 0x1 --level 0 --ipa 40").errors,
              "twofold: --level: expected 1 to 3, where this table has levels, not 0\n");
    EXPECT_EQ(run_program("decode desc 0x1 --vtcr 0x80023558 --ipa 40").status, 2);
    const ProgramResult all = run_program("decode desc 0x400007ff --json --cpu cortex-a72");
    EXPECT_EQ(all.status, 0) << all.errors;
    const auto json = nlohmann::json::parse(all.output);
    ASSERT_EQ(json.at("readings").size(), 4U);
    EXPECT_EQ(json["readings"][0]["name"], "descriptor of level 0");
    EXPECT_EQ(json["readings"][3]["summary"],
              "page of 4 KiB at 0x40000000, rwx Normal-WB (reserved with HCR_EL2.FWB)");
    const auto one = nlohmann::json::parse(run_program("decode hpfar 0x90000 --json").output);
    EXPECT_EQ(one.at("value"), "0x0000000000090000");
    EXPECT_EQ(one.at("fields")[0]["meaning"], "IPA 0x9000000");
}

} // namespace
} // namespace twofold::tool
