// SPDX-License-Identifier: MIT
// ELF cores of an arm64 machine, as QEMU's dump-guest-memory writes them: memory is PT_LOAD, at its
// p_paddr.
#include "tools/memory/memory_image.hpp"
#include "tools/text/size.hpp"

#include <elf.h>
#include <fmt/format.h>

namespace twofold::tool {

namespace {

// Where the fields are, in bytes from the start of their header.
namespace header {
constexpr std::uint64_t type = offsetof(Elf64_Ehdr, e_type);
constexpr std::uint64_t machine = offsetof(Elf64_Ehdr, e_machine);
constexpr std::uint64_t segments = offsetof(Elf64_Ehdr, e_phoff);
constexpr std::uint64_t sections = offsetof(Elf64_Ehdr, e_shoff);
constexpr std::uint64_t segment_size = offsetof(Elf64_Ehdr, e_phentsize);
constexpr std::uint64_t segment_count = offsetof(Elf64_Ehdr, e_phnum);
} // namespace header

// A count that does not fit the header is in the first section.
std::uint64_t segment_count(const ImageFile& file) {
    const std::uint64_t count = file.number(header::segment_count, 2);
    return count != PN_XNUM
               ? count
               : file.number(file.number(header::sections, 8) + offsetof(Elf64_Shdr, sh_info), 4);
}

struct Segments {
    MemoryPieces found;
    std::size_t cut = 0;     // their bytes end early
    std::size_t missing = 0; // none of their bytes are in the file
};

void read_segment(const ImageFile& file, std::uint64_t at, Segments& segments) {
    if (file.number(at + offsetof(Elf64_Phdr, p_type), 4) != PT_LOAD) {
        return;
    }
    const std::uint64_t offset = file.number(at + offsetof(Elf64_Phdr, p_offset), 8);
    const std::uint64_t length = file.number(at + offsetof(Elf64_Phdr, p_filesz), 8);
    const std::uint64_t there = offset < file.size() ? file.size() - offset : 0;
    segments.missing += length != 0 && there == 0 ? 1 : 0;
    segments.cut += there != 0 && length > there ? 1 : 0;
    if (length != 0 && there != 0) {
        segments.found.pieces.push_back({Pa{file.number(at + offsetof(Elf64_Phdr, p_paddr), 8)},
                                         std::min(length, there), offset});
    }
}

} // namespace

std::optional<Result<MemoryPieces>> read_elf_core(const ImageFile& file) {
    if (file.number(0, 4) != 0x464c'457f) { // 0x7f ELF
        return std::nullopt;
    }
    if (file.number(EI_CLASS, 1) != ELFCLASS64 || file.number(EI_DATA, 1) != ELFDATA2LSB ||
        file.number(header::machine, 2) != EM_AARCH64) {
        return Failure{"expected an ELF file of a 64-bit little-endian arm64 machine"};
    }
    if (file.number(header::type, 2) != ET_CORE) {
        return Failure{"expected an ELF core, not another kind of ELF file"};
    }
    const std::uint64_t first = file.number(header::segments, 8);
    const std::uint64_t size = file.number(header::segment_size, 2);
    const std::uint64_t count = segment_count(file);
    if (size < sizeof(Elf64_Phdr)) {
        return Failure{
            fmt::format("expected program headers of {} bytes, not {}", sizeof(Elf64_Phdr), size)};
    }
    Segments segments;
    std::uint64_t read = 0;
    for (; read < count && segments.found.pieces.size() < most_pieces; ++read) {
        const std::uint64_t at = first + read * size;
        if (at < first || at > file.size() || file.size() - at < size) {
            break;
        }
        read_segment(file, at, segments);
    }
    auto& notes = segments.found.notes;
    if (read < count) {
        notes.push_back(fmt::format("{} of {} program headers could be read", read, count));
    }
    if (segments.cut != 0) {
        notes.push_back(fmt::format("the file ends within {}", counted(segments.cut, "segment")));
    }
    if (segments.missing != 0) {
        notes.push_back(
            fmt::format("the file ends before {}", counted(segments.missing, "segment")));
    }
    if (segments.found.pieces.empty()) {
        return Failure{fmt::format("the ELF core has no memory in it ({})",
                                   notes.empty() ? "no PT_LOAD" : notes.back())};
    }
    return std::move(segments.found);
}

} // namespace twofold::tool
