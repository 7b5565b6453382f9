// SPDX-License-Identifier: MIT
// Maps of tables that are knotted, broken or not there, and the walker at the ends of each run.
#include "mapped_tables.hpp"

#include <twofold/model/walker.hpp>

#include <random>

namespace twofold::tool {
namespace {

// Each entry of the root, of the next and of the last table points to the same table: 2^27 pages of
// the first GiB alone, and all GiBs the same.
TEST(MapTree, TablesThatAreTheSame) {
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
TEST(MapTree, ATableThatPointsAtItself) {
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

TEST(MapTree, TablesThatAreNotInTheImage) {
    TablePages pages;
    pages.set(Pa{0x40000000}, 0x50000003);
    pages.set(Pa{0x40000008}, 0x50000003);
    const Mapped mapped = Tables{.records = pages.records()}.map(); // without the second root table
    EXPECT_FALSE(mapped.outcome.complete);
    ASSERT_EQ(mapped.outcome.notes.size(), 2U);
    EXPECT_EQ(mapped.outcome.notes[0],
              "2 tables are not or not wholly in memory: what they map is unknown");
    EXPECT_NE(mapped.text.find("0x00000000000-0x00040000000       1 GiB   2  not in memory: 512 "
                               "descriptors\n"
                               "0x00040000000-0x00080000000       1 GiB   1  the table of IPA 0x0 "
                               "again\n"),
              std::string::npos)
        << mapped.text;
}

TEST(MapTree, AddressesBeyondTheOutputSize) {
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
TEST(MapTree, ContiguousRuns) {
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

TEST(MapTree, LimitsAreSaid) {
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
TEST(MapTree, AgreesWithTheWalker) {
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

} // namespace
} // namespace twofold::tool
