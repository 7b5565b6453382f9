// SPDX-License-Identifier: MIT
// `twofold map`: KVM's own dumps of the same tables, the walker at the ends of each run, and tables
// that are knotted, broken or not there.
#include "program.hpp"
#include "sample_files.hpp"
#include "tools/map/map_words.hpp"

#include <twofold/model/walker.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>
#include <sstream>

namespace twofold::tool {
namespace {

constexpr std::uint64_t vtcr_40 = 0x802d'3558; // 40 bits from level 1
constexpr std::uint64_t vttbr = 0x4000'0000;
constexpr std::uint64_t leaf_bits = 0x7fd; // a Normal, readable and writable block, AF
constexpr std::uint64_t page_bits = 0x7ff;

class Collected : public ResultStream {
public:
    std::string text;

private:
    bool write(std::string_view part) override {
        text += part;
        return true;
    }
};

struct Mapped {
    std::string text;
    MapOutcome outcome;
};

struct Tables {
    std::string cpu = "neoverse-n1";
    RegimeRegisters registers{.vtcr = vtcr_40, .vttbr = vttbr};
    std::string records;

    Mapped map(MapFormat format = MapFormat::text, const MapLimits& limits = {}) const {
        const SampleFolder folder;
        MemoryImage image;
        EXPECT_TRUE(image.add(folder.add("tables", records)));
        const Regime regime{*find_cpu(cpu), registers};
        Collected out;
        Mapped mapped{.text = {}, .outcome = write_map(regime, image, format, limits, out)};
        out.finish();
        mapped.text = out.text;
        return mapped;
    }
    nlohmann::json json(const MapLimits& limits = {}) const {
        return nlohmann::json::parse(map(MapFormat::json, limits).text);
    }
};

// The value behind a register's name in a listing of a live host.
std::uint64_t listed(const std::string& listing, const std::string& name) {
    const std::size_t at = listing.find('\n' + name + " 0x");
    EXPECT_NE(at, std::string::npos) << name;
    return std::stoull(listing.substr(at + name.size() + 2), nullptr, 16);
}

Tables live(const std::string& name) {
    const std::string listing = sample("images/" + name + ".raw.txt");
    return {.cpu = name.substr(0, name.find("__")),
            .registers = {.vtcr = listed(listing, "VTCR_EL2"),
                          .vttbr = listed(listing, "VTTBR_EL2"),
                          .hcr = listed(listing, "HCR_EL2")},
            .records = sample("images/" + name + ".tables.bin.gz")};
}

constexpr const char* live_names[] = {"max__h1g_2_0_40_1_1", "max__h2m_4_0_34_1_1",
                                      "neoverse-n1__anon_16_0_40_1_5"};

// Byte for byte what the kernel printed of the same tables at the same moment.
TEST(Map, AsKvmPrintsIt) {
    for (const char* const name : live_names) {
        std::string expected = sample(fmt::format("images/{}.stage2_page_tables.txt", name));
        expected.erase(0, expected.find("---["));
        expected.erase(expected.find("[ipa_range]"));
        const Mapped mapped = live(name).map(MapFormat::kvm_6_12);
        EXPECT_EQ(mapped.text, expected) << name;
        EXPECT_TRUE(mapped.outcome.complete);
        EXPECT_TRUE(mapped.outcome.notes.empty());
    }
}

TEST(Map, AsNewerKvmPrintsIt) {
    EXPECT_EQ(live("max__h1g_2_0_40_1_1").map(MapFormat::kvm_7_2).text,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1\n"
              "0x0000000040000000-0x0000000040001000           4K 3   R W px ux  AF    \n"
              "0x0000000040001000-0x0000000040100000        1020K 3\n"
              "0x0000000040100000-0x0000000040101000           4K 3   R W PXNUXN AF    \n"
              "0x0000000040101000-0x0000000040200000        1020K 3\n"
              "0x0000000040200000-0x0000000080000000        1022M 2\n"
              "0x0000000080000000-0x0000000100000000           2G 1\n"
              "0x0000000100000000-0x0000000180000000           2G 1   R W PXNUXN AF BLK\n");
}

// XN 01 and 11, an annotation, no access flag, nothing allowed.
TEST(Map, KvmColumnsOfRareEntries) {
    TablePages pages;
    pages.set(Pa{0x40000000}, 0x40000000 | leaf_bits | std::uint64_t{1} << 53);
    pages.set(Pa{0x40000008}, 0x40000000 | leaf_bits | std::uint64_t{3} << 53);
    pages.set(Pa{0x40000010}, 0xf0); // invalid, but R and W are set
    pages.set(Pa{0x40000018}, 0x1);
    const Tables tables{.records = pages.records()};
    EXPECT_EQ(tables.map(MapFormat::kvm_7_2).text,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1   R W PXNux  AF BLK\n"
              "0x0000000040000000-0x0000000080000000           1G 1   R W px UXN AF BLK\n"
              "0x0000000080000000-0x00000000c0000000           1G 1 F R W px ux        \n"
              "0x00000000c0000000-0x0000000100000000           1G 1       px ux     BLK\n");
    // 6.12 knows one XN bit, and looks at no other bit of an invalid entry.
    EXPECT_EQ(tables.map(MapFormat::kvm_6_12).text,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1   R W   AF BLK\n"
              "0x0000000040000000-0x0000000080000000           1G 1   R W X AF BLK\n"
              "0x0000000080000000-0x00000000c0000000           1G 1 F     X       \n"
              "0x00000000c0000000-0x0000000100000000           1G 1            BLK\n");
}

TEST(Map, TextOfALiveTable) {
    EXPECT_EQ(
        live("max__h1g_2_0_40_1_1").map().text,
        R"(4K granule, 40-bit IPA, 52-bit PA with LPA2, walks start at level 1, root at PA 0x40dc0000 (2 tables), forced write-back; CPU: max

0x00000000000-0x00040000000       1 GiB   1  -
0x00040000000-0x00040001000       4 KiB   3  PA 0x00004072b000  1 page, rwx Normal-WB inner-shareable
0x00040001000-0x00040100000    1020 KiB   3  -
0x00040100000-0x00040101000       4 KiB   3  PA 0x0000482bd000  1 page, rw- Normal-WB inner-shareable
0x00040101000-0x00040200000    1020 KiB   3  -
0x00040200000-0x00080000000    1022 MiB   2  -
0x00080000000-0x00100000000       2 GiB   1  -
0x00100000000-0x00180000000       2 GiB   1  PA 0x000100000000  2 blocks, rw- Normal-WB inner-shareable
0x00180000000-0x10000000000    1018 GiB   1  -

mapped           2 GiB  in 2 blocks of 1 GiB
mapped           8 KiB  in 2 pages of 4 KiB
not mapped  1022.0 GiB
tables          16 KiB  in 4 tables
)");
}

TEST(Map, JsonHasAStableShape) {
    TablePages pages;
    pages.set(Pa{0x40000008}, 0x80000000 | leaf_bits);
    pages.set(Pa{0x40001000}, 0xf0);
    const auto json = Tables{.records = pages.records()}.json();
    EXPECT_EQ(json, nlohmann::json::parse(R"({
        "cpu": "neoverse-n1", "vtcr": "0x00000000802d3558", "vttbr": "0x0000000040000000",
        "hcr": "0x0000000000000001", "granule": 4096, "ipa_bits": 40, "pa_bits": 48, "lpa2": false,
        "initial_level": 1, "root": {"pa": "0x40000000", "tables": 2},
        "runs": [
          {"ipa": "0x0", "size": 1073741824, "level": 1, "entries": 1, "kind": "hole"},
          {"ipa": "0x40000000", "size": 1073741824, "level": 1, "entries": 1, "kind": "leaf",
           "pa": "0x80000000", "contiguous": false, "in_range": true,
           "attributes": {"read": true, "write": true, "execute_el1": true, "execute_el0": true,
                          "type": "Normal-WB", "shareability": "inner-shareable",
                          "access_flag": true, "dbm": false, "fnxs": false, "nt": false,
                          "software": 0}},
          {"ipa": "0x80000000", "size": 547608330240, "level": 1, "entries": 510, "kind": "hole"},
          {"ipa": "0x8000000000", "size": 1073741824, "level": 1, "entries": 1, "kind": "invalid",
           "descriptor": "0x00000000000000f0"},
          {"ipa": "0x8040000000", "size": 548682072064, "level": 1, "entries": 511,
           "kind": "hole"}],
        "mapped": [{"size": 1073741824, "level": 1, "bytes": 1073741824, "entries": 1,
                    "contiguous_bytes": 0}],
        "others": {"hole": {"bytes": 1097364144128, "entries": 1022},
                   "invalid": {"bytes": 1073741824, "entries": 1}},
        "tables": 2, "broken_contiguous_runs": 0, "misplaced_contiguous_leaves": 0,
        "complete": true, "notes": []})"))
        << json.dump(2);
}

// Each entry of the root, of the next and of the last table points to the same table: 2^27 pages of
// the first GiB alone, and all GiBs the same.
TEST(Map, TablesThatAreTheSame) {
    TablePages pages;
    for (unsigned i = 0; i < 512; ++i) {
        pages.set(Pa{0x40000000 + 8 * i}, 0x40002003);
        pages.set(Pa{0x40001000 + 8 * i}, 0x40002003);
        pages.set(Pa{0x40002000 + 8 * i}, 0x40003003);
        pages.set(Pa{0x40003000 + 8 * i}, 0x80000000 | page_bits);
    }
    const Tables tables{.records = pages.records()};
    const auto json = tables.json();
    const auto& runs = json.at("runs");
    ASSERT_EQ(runs.size(), 512U + 2);
    EXPECT_EQ(runs.at(511).at("kind"), "leaf");
    // The other tables of the first GiB, then the other GiBs.
    EXPECT_EQ(runs.at(512), nlohmann::json::parse(R"({"ipa": "0x200000", "size": 1071644672,
        "level": 2, "entries": 511, "kind": "again", "same_as": "0x0"})"));
    EXPECT_EQ(runs.at(513), nlohmann::json::parse(R"({"ipa": "0x40000000", "size": 1098437885952,
        "level": 1, "entries": 1023, "kind": "again", "same_as": "0x0"})"));
    EXPECT_EQ(json.at("tables"), 4);
    EXPECT_EQ(json.at("complete"), true);
    EXPECT_EQ(json.at("notes").at(0), "1534 entries point to a table that another entry of its "
                                      "level points to: each table is told once");
}

// A root that is its own next table, down to level 3, where its entries are pages.
TEST(Map, ATableThatPointsAtItself) {
    TablePages pages;
    for (unsigned i = 0; i < 1024; ++i) {
        pages.set(Pa{0x40000000 + 8 * i}, 0x40000003);
    }
    const Mapped mapped = Tables{.records = pages.records()}.map();
    EXPECT_TRUE(mapped.outcome.complete);
    EXPECT_NE(mapped.text.find("0x00000000000-0x00000001000       4 KiB   3  PA 0x000040000000"),
              std::string::npos)
        << mapped.text;
    EXPECT_LT(mapped.text.size(), 100'000U);
}

TEST(Map, TablesThatAreNotInTheImage) {
    TablePages pages;
    pages.set(Pa{0x40000000}, 0x50000003);
    pages.set(Pa{0x40000008}, 0x50000003);
    const Mapped mapped = Tables{.records = pages.records()}.map(); // without the second root table
    EXPECT_FALSE(mapped.outcome.complete);
    ASSERT_EQ(mapped.outcome.notes.size(), 2U);
    EXPECT_EQ(mapped.outcome.notes[0],
              "2 tables are not or not wholly in the image: what they map is unknown");
    EXPECT_NE(mapped.text.find("0x00000000000-0x00040000000       1 GiB   2  not in the image: 512 "
                               "descriptors\n"
                               "0x00040000000-0x00080000000       1 GiB   1  the table of IPA 0x0 "
                               "again\n"),
              std::string::npos)
        << mapped.text;
}

TEST(Map, AddressesBeyondTheOutputSize) {
    TablePages pages;
    pages.set(Pa{0x40000000}, std::uint64_t{1} << 45 | 3);
    pages.set(Pa{0x40000008}, std::uint64_t{1} << 45 | leaf_bits);
    pages.set(Pa{0x40001000}, 0);
    Tables tables{.records = pages.records()};
    tables.registers.vtcr = 0x802c'3558; // PS: 44 bits
    const Mapped mapped = tables.map();
    EXPECT_TRUE(mapped.outcome.complete);
    EXPECT_EQ(
        mapped.outcome.notes,
        (std::vector<std::string>{"1 table beyond the 44 bits of an output address",
                                  "1 leaf points to beyond the 44 bits of an output address"}));
    EXPECT_NE(mapped.text.find("table beyond the output size: address size fault"),
              std::string::npos);
    EXPECT_NE(mapped.text.find("PA beyond the output size: address size fault"), std::string::npos);
}

// One aligned run of 16, one whose last entry lacks the bit, and one whose addresses do not follow.
TEST(Map, ContiguousRuns) {
    TablePages pages;
    constexpr std::uint64_t contiguous = std::uint64_t{1} << 52;
    pages.set(Pa{0x40000000}, 0x40002003);
    pages.set(Pa{0x40001000}, 0);
    for (std::uint64_t i = 0; i < 16; ++i) {
        const auto set = [&pages](std::uint64_t index, std::uint64_t value) {
            pages.set(Pa{0x40002000 + 8 * index}, value | leaf_bits);
        };
        set(i, (0x80000000 + i * 2 * MiB) | contiguous);
        set(32 + i, (0xc0000000 + i * 2 * MiB) | (i < 15 ? contiguous : 0));
        set(64 + i, 0xa0000000 | contiguous);
    }
    const Mapped mapped = Tables{.records = pages.records()}.map();
    EXPECT_EQ(mapped.outcome.notes,
              (std::vector<std::string>{
                  "the Contiguous bit is set in only some entries of 1 aligned run",
                  "contiguous leaves whose address is not that of their place in the run: 15; the "
                  "CPU takes the place's"}));
    EXPECT_NE(mapped.text.find("0x00000000000-0x00002000000      32 MiB   2  PA 0x000080000000  16 "
                               "blocks, contiguous, rwx Normal-WB inner-shareable\n"),
              std::string::npos)
        << mapped.text;
    // As the walker has it: within the run the IPA gives the address.
    EXPECT_NE(mapped.text.find("0x00008000000-0x0000a000000      32 MiB   2  PA 0x0000a0000000  16 "
                               "blocks, contiguous"),
              std::string::npos);
    EXPECT_NE(mapped.text.find("94 MiB  of it contiguous"), std::string::npos);
}

TEST(Map, LimitsAreSaid) {
    TablePages pages;
    for (std::uint64_t i = 0; i < 512; ++i) {
        pages.set(Pa{0x40000000 + 8 * i}, 0x40010003 + i * 4096);
        pages.set(Pa{0x40010000 + i * 4096}, 0x80000000 | leaf_bits);
    }
    const Tables tables{.records = pages.records()};
    const Mapped few_tables = tables.map(MapFormat::text, {.tables = 3});
    EXPECT_FALSE(few_tables.outcome.complete);
    EXPECT_EQ(few_tables.outcome.notes.at(0),
              "more than 3 tables: nothing from IPA 0x80000000 on was looked at (--most-tables)");
    const Mapped few_runs = tables.map(MapFormat::json, {.runs = 3});
    EXPECT_FALSE(few_runs.outcome.complete);
    const auto json = nlohmann::json::parse(few_runs.text);
    EXPECT_EQ(json.at("runs").size(), 3U);
    EXPECT_EQ(json.at("complete"), false);
}

// Random tables of every kind of entry: what the map says of the first and the last byte of each
// run is what the walker finds there.
TEST(Map, AgreesWithTheWalker) {
    std::mt19937_64 random{1};
    struct Shape {
        const char* cpu;
        std::uint64_t vtcr;
    };
    // 4K from level 1 and with LPA2 from level 0; HA and HD off, so that AF counts.
    constexpr Shape shapes[] = {{"neoverse-n1", 0x800d'3558}, {"everything", 0x1'800e'3594}};
    for (const Shape& shape : shapes) {
        for (int round = 0; round < 20; ++round) {
            TablePages pages;
            for (std::uint64_t page = 0; page < 16; ++page) {
                pages.set(Pa{0x40000000 + page * 4096}, 0);
                for (int i = 0; i < 40; ++i) {
                    const std::uint64_t next = 0x40000000 + random() % 17 * 4096; // one is missing
                    const std::uint64_t leaf = random() & 0x0078'0000'ffff'f7fc;
                    const std::uint64_t choice = random() % 6;
                    pages.set(Pa{0x40000000 + page * 4096 + random() % 512 * 8},
                              choice < 3 ? next | 3 : leaf | (random() & 3) | 1 << 10);
                }
            }
            const SampleFolder folder;
            MemoryImage image;
            ASSERT_TRUE(image.add(folder.add("tables", pages.records())));
            const Regime regime{*find_cpu(shape.cpu), {.vtcr = shape.vtcr, .vttbr = vttbr}};
            ASSERT_TRUE(regime.geometry());
            struct Memory {
                MemoryImage& image;
                std::optional<std::uint64_t> load(Pa pa) { return image.load(pa); }
                std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t, std::uint64_t) {
                    return image.load(pa);
                }
            } memory{image};
            model::WalkConfig config = regime.config();
            config.choices.nt_faults = false;
            std::uint64_t told = 0;
            MapRuns runs{
                regime, 1U << 20, [&](const MapRun& run) {
                    EXPECT_EQ(run.ipa.value, told);
                    told = run.ipa.value + run.size;
                    for (const std::uint64_t at : {std::uint64_t{0}, run.size - 1}) {
                        const auto found = model::walk(config, memory, run.ipa + at, {});
                        const bool maps = run.kind == TreeEntryKind::leaf && run.in_range;
                        if (found.translated()) {
                            EXPECT_TRUE(maps || run.kind == TreeEntryKind::again);
                        }
                        if (found.translated() && maps) {
                            EXPECT_EQ(found.translation.pa, run.pa + at);
                            EXPECT_EQ(found.translation.level, run.level);
                            EXPECT_EQ(found.translation.contiguous, run.contiguous);
                        } else if (maps) {
                            EXPECT_TRUE(found.faulted(leaf::af::is_set(run.descriptor.value)
                                                          ? model::FaultKind::permission
                                                          : model::FaultKind::access_flag,
                                                      run.level));
                        } else if (run.kind == TreeEntryKind::leaf ||
                                   run.kind == TreeEntryKind::out_of_range) {
                            EXPECT_TRUE(found.faulted(model::FaultKind::address_size, run.level));
                        } else if (run.kind == TreeEntryKind::unread) {
                            EXPECT_TRUE(
                                found.faulted(model::FaultKind::external_on_walk, run.level));
                        } else if (run.kind != TreeEntryKind::again) {
                            EXPECT_TRUE(found.faulted(model::FaultKind::translation, run.level));
                        }
                    }
                    return !HasFailure();
                }};
            visit_tree(regime, image, runs);
            runs.finish();
            EXPECT_EQ(told, regime.geometry()->ipa_limit());
        }
    }
}

TEST(Map, Program) {
    const SampleFolder folder;
    const std::string tables = folder.add("tables", live("max__h1g_2_0_40_1_1").records);
    const std::string arguments = "map --vtcr 0x1802e3558 --vttbr 0x1000040dc0001 --memory ";
    const ProgramResult whole = run_program(arguments + tables + " --json");
    EXPECT_EQ(whole.status, 0) << whole.errors;
    EXPECT_EQ(nlohmann::json::parse(whole.output).at("tables"), 4);

    // Cut within the second root table: what is there is told, and what is missing said.
    const std::string cut = folder.add("cut", live("max__h1g_2_0_40_1_1").records.substr(0, 5000));
    const ProgramResult part = run_program(arguments + cut + " --format kvm-6.12");
    EXPECT_EQ(part.status, 1);
    EXPECT_NE(part.output.find("---[ Guest IPA ]---"), std::string::npos);
    EXPECT_NE(part.errors.find("the file ends within the record of PA 0x40dc0000"),
              std::string::npos);
    EXPECT_NE(part.errors.find("not wholly in the image"), std::string::npos);

    const ProgramResult elsewhere = run_program(arguments + tables + "@0x1000");
    EXPECT_EQ(elsewhere.status, 1);
    EXPECT_EQ(elsewhere.errors,
              "twofold: the root at PA 0x40dc0000 is not in the image, which has 0x1000-0x5030\n");
    const ProgramResult reserved =
        run_program("map --vtcr 0x802df558 --vttbr 0 --memory " + tables);
    EXPECT_EQ(reserved.status, 2);
    EXPECT_EQ(reserved.errors, "twofold: VTCR_EL2: granule: the CPU has no stage 2 with this "
                               "granule (ID_AA64MMFR0_EL1.TGranX_2)\n");
    EXPECT_EQ(run_program(arguments + tables + " --format xml").errors,
              "twofold: --format: expected text, json, kvm-6.12 or kvm-7.2, not \"xml\"\n");
    EXPECT_EQ(run_program(arguments + tables + " >/dev/full").status, 1);
}

} // namespace
} // namespace twofold::tool
