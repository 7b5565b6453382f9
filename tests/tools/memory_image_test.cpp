// SPDX-License-Identifier: MIT
// Memory images of every form, whole, cut short, and made to deceive.
#include "sample_files.hpp"
#include "tools/memory/memory_image.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

namespace twofold::tool {
namespace {

class Image {
public:
    explicit Image(const std::string& argument) : added_{image_.add(argument)} {}
    bool good() const { return static_cast<bool>(added_); }
    const std::string& error() const { return added_.error(); }
    std::optional<std::uint64_t> at(std::uint64_t pa) { return image_.load(Pa{pa}); }
    const std::vector<std::string>& notes() const { return image_.notes(); }
    MemoryImage& operator*() { return image_; }

private:
    MemoryImage image_;
    Result<bool> added_;
};

struct Segment {
    std::uint64_t pa;
    std::uint64_t offset;
    std::uint64_t length;
    std::uint32_t type = PT_LOAD;
};

// With its program headers behind the ELF header; `bytes` begin at 0x1000.
std::string elf_core(const std::vector<Segment>& segments, const std::string& bytes,
                     Elf64_Half machine = EM_AARCH64, Elf64_Half type = ET_CORE) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = type;
    header.e_machine = machine;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(segments.size());
    std::string file(reinterpret_cast<const char*>(&header), sizeof header);
    for (const Segment& segment : segments) {
        Elf64_Phdr program{};
        program.p_type = segment.type;
        program.p_offset = segment.offset;
        program.p_paddr = segment.pa;
        program.p_filesz = program.p_memsz = segment.length;
        file.append(reinterpret_cast<const char*>(&program), sizeof program);
    }
    file.resize(0x1000);
    return file + bytes;
}

TEST(MemoryImage, RawAtAnAddress) {
    const SampleFolder folder;
    const std::string path = folder.add("ram", little_endian({1, 2, 3}) + "abc");
    Image image{path + "@0x40000000"};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(0x40000000), 1U);
    EXPECT_EQ(image.at(0x40000010), 3U);
    EXPECT_EQ(image.at(0x40000018), std::nullopt); // three bytes are no word
    EXPECT_EQ(image.at(0x3ffffff8), std::nullopt);
    EXPECT_EQ((*image).extent_words(), "0x40000000-0x4000001b");
    EXPECT_EQ(Image{path + "@1G"}.at(0x40000008), 2U);
}

TEST(MemoryImage, AFileThatIsNamedLikeAnAddress) {
    const SampleFolder folder;
    Image image{folder.add("ram@0x1000", little_endian({0x80000000, 8, 7}))};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(0x80000000), 7U);
}

TEST(MemoryImage, ElfCore) {
    const SampleFolder folder;
    const std::string bytes = little_endian({10, 11, 12, 13});
    Image image{folder.add(
        "core",
        elf_core({{0, 0x1000, 8, PT_NOTE}, {0x80000000, 0x1010, 16}, {0x40000000, 0x1000, 16}},
                 bytes))};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(0x40000000), 10U);
    EXPECT_EQ(image.at(0x40000008), 11U);
    EXPECT_EQ(image.at(0x40000010), std::nullopt);
    EXPECT_EQ(image.at(0x80000008), 13U);
    EXPECT_TRUE(image.notes().empty());
}

TEST(MemoryImage, ElfCoreWithMoreSegmentsThanItsHeaderHolds) {
    std::string core = elf_core({{0x40000000, 0x1000, 8}}, little_endian({5}));
    // e_phnum = 0xffff: the first section header's sh_info has the number.
    const std::uint64_t sections = core.size();
    core[offsetof(Elf64_Ehdr, e_phnum)] = core[offsetof(Elf64_Ehdr, e_phnum) + 1] = '\xff';
    core.replace(offsetof(Elf64_Ehdr, e_shoff), 8, little_endian({sections}));
    Elf64_Shdr section{};
    section.sh_info = 1;
    core.append(reinterpret_cast<const char*>(&section), sizeof section);
    const SampleFolder folder;
    Image image{folder.add("core", core)};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(0x40000000), 5U);
    EXPECT_TRUE(image.notes().empty());
}

TEST(MemoryImage, ElfCoreThatEndsEarly) {
    const SampleFolder folder;
    Image image{folder.add("core", elf_core({{0x40000000, 0x1000, 4096}, {0x80000000, 0x9000, 8}},
                                            little_endian({5, 6})))};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(0x40000008), 6U);
    EXPECT_EQ(image.at(0x40000010), std::nullopt);
    ASSERT_EQ(image.notes().size(), 2U);
    EXPECT_NE(image.notes()[0].find("the file ends within 1 segment"), std::string::npos);
    EXPECT_NE(image.notes()[1].find("the file ends before 1 segment"), std::string::npos);

    const std::string whole = elf_core({{0x40000000, 0x1000, 8}, {0x50000000, 0x1000, 8}}, "");
    const std::size_t second = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 20;
    Image cut{folder.add("cut", whole.substr(0, second))};
    EXPECT_FALSE(cut.good());
    EXPECT_NE(cut.error().find("the ELF core has no memory in it"), std::string::npos)
        << cut.error();
}

TEST(MemoryImage, ElfFilesOfOtherKinds) {
    const SampleFolder folder;
    const auto error = [&folder](const std::string& contents) {
        Image image{folder.add("file", contents)};
        EXPECT_FALSE(image.good());
        return image.error().substr(image.error().find(": ") + 2);
    };
    EXPECT_EQ(error(elf_core({{0, 0x1000, 8}}, "12345678", EM_X86_64)),
              "expected an ELF file of a 64-bit little-endian arm64 machine");
    EXPECT_EQ(error(elf_core({{0, 0x1000, 8}}, "12345678", EM_AARCH64, ET_EXEC)),
              "expected an ELF core, not another kind of ELF file");
    EXPECT_EQ(error("\x7f"
                    "ELF"),
              "expected an ELF file of a 64-bit little-endian arm64 machine");
    EXPECT_EQ(error(elf_core({}, "")), "the ELF core has no memory in it (no PT_LOAD)");
}

// Sizes and offsets that wrap around.
TEST(MemoryImage, ElfCoreThatDeceives) {
    constexpr std::uint64_t most = ~std::uint64_t{0};
    const SampleFolder folder;
    Image image{folder.add(
        "core", elf_core({{most - 7, 0x1000, most}, {0x40000000, most - 3, most}, {8, 0x1000, 8}},
                         little_endian({5, 6})))};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(8), 5U);
    EXPECT_EQ(image.at(most - 7), std::nullopt);

    std::string headers = elf_core({{0x40000000, 0x1000, 8}}, little_endian({5}));
    headers.replace(offsetof(Elf64_Ehdr, e_phoff), 8, little_endian({most - 10}));
    EXPECT_FALSE(Image{folder.add("headers", headers)}.good());
}

TEST(MemoryImage, Records) {
    const SampleFolder folder;
    Image image{folder.add("tables", little_endian({0x1000, 16, 21, 22, 0x9000, 8, 23}))};
    ASSERT_TRUE(image.good()) << image.error();
    EXPECT_EQ(image.at(0x1008), 22U);
    EXPECT_EQ(image.at(0x1010), std::nullopt);
    EXPECT_EQ(image.at(0x9000), 23U);
    EXPECT_EQ((*image).bytes(), 24U);
}

TEST(MemoryImage, RecordsThatEndEarly) {
    const SampleFolder folder;
    Image image{folder.add("tables", little_endian({0x1000, 16, 21, 22, 0x9000, 4096, 23}))};
    ASSERT_TRUE(image.good());
    EXPECT_EQ(image.at(0x9000), 23U);
    EXPECT_EQ(image.at(0x9008), std::nullopt);
    ASSERT_EQ(image.notes().size(), 1U);
    EXPECT_NE(image.notes()[0].find("the file ends within the record of PA 0x9000: 8 of 4096 bytes "
                                    "are there"),
              std::string::npos)
        << image.notes()[0];

    Image header{folder.add("header", little_endian({0x1000, 8, 21, 0x2000}))};
    ASSERT_TRUE(header.good());
    EXPECT_NE(header.notes().at(0).find("within a record's header"), std::string::npos);

    Image garbage{folder.add("garbage", little_endian({0x1000, 8, 21, 0x2001, 8, 1}))};
    ASSERT_TRUE(garbage.good());
    EXPECT_EQ(garbage.at(0x1000), 21U);
    EXPECT_NE(garbage.notes().at(0).find("at offset 0x18: the rest is left out"),
              std::string::npos);
}

TEST(MemoryImage, WhatIsNoImage) {
    const SampleFolder folder;
    for (const std::string& contents :
         {std::string{"---[ Guest IPA ]---\n0x0000000000000000\n"}, std::string(4096, '\0'),
          std::string{}, std::string{"short"}}) {
        Image image{folder.add("file", contents)};
        EXPECT_FALSE(image.good());
        EXPECT_NE(image.error().find("a raw image needs its address: FILE@PA"), std::string::npos)
            << image.error();
    }
    EXPECT_NE(Image{folder.path()}.error().find("expected a regular file"), std::string::npos);
    EXPECT_NE(Image{folder.path() + "/none"}.error().find("No such file"), std::string::npos);
    EXPECT_NE(Image{folder.path() + "/none@0"}.error().find("No such file"), std::string::npos);
}

TEST(MemoryImage, OfWhatIsGivenTwiceTheFirstCounts) {
    const SampleFolder folder;
    MemoryImage image;
    ASSERT_TRUE(image.add(folder.add("a", little_endian({1, 2})) + "@0x1008"));
    ASSERT_TRUE(image.add(folder.add("b", little_endian({11, 12, 13, 14, 15})) + "@0x1000"));
    EXPECT_EQ(image.load(Pa{0x1000}), 11U);
    EXPECT_EQ(image.load(Pa{0x1008}), 1U);
    EXPECT_EQ(image.load(Pa{0x1010}), 2U);
    EXPECT_EQ(image.load(Pa{0x1018}), 14U);
    EXPECT_EQ(image.load(Pa{0x1020}), 15U);
    EXPECT_EQ(image.bytes(), 40U);
    ASSERT_EQ(image.notes().size(), 1U);
    EXPECT_NE(image.notes()[0].find("the first counts"), std::string::npos);
}

TEST(MemoryImage, AWordAcrossBlocksOfTheFile) {
    const SampleFolder folder;
    std::string bytes(8192, '\0');
    bytes.replace(4092, 8, little_endian({0x0102030405060708}));
    Image image{folder.add("ram", bytes) + "@0x4"}; // words of memory straddle blocks of the file
    EXPECT_EQ(image.at(4096), 0x0102030405060708U);
}

} // namespace
} // namespace twofold::tool
