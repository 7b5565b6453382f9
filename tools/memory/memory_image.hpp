// SPDX-License-Identifier: MIT
// MemoryImage: physical memory as files have it, piece by piece.
#pragma once

#include "tools/memory/image_file.hpp"
#include "tools/memory/memory_source.hpp"

#include <twofold/arch/address.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace twofold::tool {

// What a file says about a stretch of memory.
struct MemoryPiece {
    Pa pa;
    std::uint64_t length = 0;
    std::uint64_t offset = 0; // in the file
};

struct MemoryPieces {
    std::vector<MemoryPiece> pieces;
    std::vector<std::string> notes; // what is missing or was left out, without the file's name
};

// A file may claim any number of pieces; no dump of a machine has that many.
inline constexpr std::size_t most_pieces = 1U << 20;

class MemoryImage : public MemorySource {
public:
    // FILE@PA is a raw image of the memory at PA. FILE alone is an ELF core, or {u64 pa, u64
    // length, bytes} again and again. Of memory that is given twice the first counts.
    Result<bool> add(const std::string& argument);
    void add(ImageFile file, const MemoryPieces& pieces);

    std::optional<std::uint64_t> load(Pa pa) override;

    std::uint64_t bytes() const;
    bool empty() const { return pieces_.empty(); }
    // In words, for people: the stretches of memory that are there.
    std::string extent_words() const;
    const std::vector<std::string>& notes() const { return notes_; }

private:
    struct Stretch {
        std::uint64_t end = 0; // the first byte behind it
        std::uint64_t offset = 0;
        const ImageFile* file = nullptr;
    };
    static constexpr std::size_t block_bytes = 4096;
    // Some of a file, as it was read last.
    struct Block {
        const ImageFile* file = nullptr;
        std::uint64_t number = 0;
        std::size_t bytes = 0;
        std::array<std::byte, block_bytes> data{};
    };

    bool insert(std::uint64_t start, const Stretch& stretch);
    std::optional<std::uint64_t> load(const ImageFile& file, std::uint64_t offset);
    const Block& block(const ImageFile& file, std::uint64_t number);

    std::list<ImageFile> files_; // their addresses stay
    std::map<std::uint64_t, Stretch> pieces_;
    std::vector<std::string> notes_;
    std::vector<Block> blocks_{64}; // by the lowest bits of their numbers
};

// The pieces of an ELF core (PT_LOAD, p_paddr) and of a file of table pages. Empty if the file is
// of another form; a Failure if it is of this form and says nothing that can be used.
std::optional<Result<MemoryPieces>> read_elf_core(const ImageFile& file);
std::optional<Result<MemoryPieces>> read_memory_records(const ImageFile& file);

} // namespace twofold::tool
