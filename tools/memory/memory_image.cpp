// SPDX-License-Identifier: MIT
// Looking up of memory in files.
#include "tools/memory/memory_image.hpp"

#include "tools/text/number.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

namespace twofold::tool {

namespace {

struct RawArgument {
    std::string path;
    Pa pa;
};

// A file whose own name ends like an address is taken by its name.
std::optional<RawArgument> parse_raw(const std::string& argument) {
    const std::size_t at = argument.rfind('@');
    std::error_code ignored;
    if (at == std::string::npos || std::filesystem::exists(argument, ignored)) {
        return std::nullopt;
    }
    const auto pa = parse_number(std::string_view{argument}.substr(at + 1));
    return pa ? std::optional{RawArgument{argument.substr(0, at), Pa{*pa}}} : std::nullopt;
}

Result<MemoryPieces> read_any(const ImageFile& file) {
    if (auto elf = read_elf_core(file)) {
        return std::move(*elf);
    }
    if (auto records = read_memory_records(file)) {
        return std::move(*records);
    }
    return Failure{"expected an ELF core, or a file of {pa, length, bytes}; a raw image needs its "
                   "address: FILE@PA"};
}

} // namespace

Result<bool> MemoryImage::add(const std::string& argument) {
    const auto raw = parse_raw(argument);
    auto file = ImageFile::open(raw ? raw->path : argument);
    if (!file) {
        return Failure{file.error()};
    }
    if (raw) {
        MemoryPieces pieces{{{raw->pa, file->size(), 0}}, {}};
        if (file->size() == 0) {
            pieces.notes.emplace_back("is empty");
        }
        add(std::move(*file), pieces);
        return true;
    }
    const auto pieces = read_any(*file);
    if (!pieces) {
        return Failure{fmt::format("{}: {}", file->path(), pieces.error())};
    }
    add(std::move(*file), *pieces);
    return true;
}

void MemoryImage::add(ImageFile file, const MemoryPieces& pieces) {
    const ImageFile& kept = files_.emplace_back(std::move(file));
    for (const std::string& note : pieces.notes) {
        notes_.push_back(fmt::format("{}: {}", kept.path(), note));
    }
    std::size_t twice = 0;
    std::size_t beyond = 0;
    for (const MemoryPiece& piece : pieces.pieces) {
        const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - piece.pa.value;
        beyond += piece.length > room ? 1 : 0;
        const std::uint64_t length = std::min(piece.length, room);
        if (length != 0 &&
            !insert(piece.pa.value, {piece.pa.value + length, piece.offset, &kept})) {
            ++twice;
        }
    }
    if (twice != 0) {
        notes_.push_back(fmt::format("{}: {} of memory that is given already: the first counts",
                                     kept.path(), counted(twice, "piece")));
    }
    if (beyond != 0) {
        notes_.push_back(fmt::format("{}: {} beyond the last address there is", kept.path(),
                                     counted(beyond, "piece")));
    }
}

// Whatever of the stretch is not there yet; false if some of it was.
bool MemoryImage::insert(std::uint64_t start, const Stretch& stretch) {
    bool whole = true;
    std::uint64_t at = start;
    auto next = pieces_.upper_bound(at);
    if (next != pieces_.begin() && std::prev(next)->second.end > at) {
        at = std::prev(next)->second.end;
        whole = false;
    }
    while (at < stretch.end) {
        const std::uint64_t end =
            next == pieces_.end() ? stretch.end : std::min(next->first, stretch.end);
        if (at < end) {
            pieces_.emplace_hint(next, at,
                                 Stretch{end, stretch.offset + (at - start), stretch.file});
        }
        if (end == stretch.end) {
            break;
        }
        at = next->second.end;
        whole = false;
        ++next;
    }
    return whole;
}

std::optional<std::uint64_t> MemoryImage::load(Pa pa) {
    auto next = pieces_.upper_bound(pa.value);
    if (next == pieces_.begin()) {
        return std::nullopt;
    }
    const auto& [start, stretch] = *std::prev(next);
    if (stretch.end < 8 || pa.value > stretch.end - 8) {
        return std::nullopt;
    }
    return load(*stretch.file, stretch.offset + (pa.value - start));
}

std::optional<std::uint64_t> MemoryImage::load(const ImageFile& file, std::uint64_t offset) {
    const Block& first = block(file, offset / block_bytes);
    const std::size_t inside = offset % block_bytes;
    std::array<std::byte, 8> bytes{};
    if (inside + bytes.size() <= first.bytes) {
        std::copy_n(first.data.begin() + static_cast<std::ptrdiff_t>(inside), bytes.size(),
                    bytes.begin());
    } else if (file.read(offset, bytes) != bytes.size()) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes.size(); ++i) {
        value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return value;
}

const MemoryImage::Block& MemoryImage::block(const ImageFile& file, std::uint64_t number) {
    Block& kept = blocks_[number % blocks_.size()];
    if (kept.file != &file || kept.number != number) {
        kept.file = &file;
        kept.number = number;
        kept.bytes = file.read(number * block_bytes, kept.data);
    }
    return kept;
}

std::uint64_t MemoryImage::bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [start, stretch] : pieces_) {
        sum += stretch.end - start;
    }
    return sum;
}

std::string MemoryImage::extent_words() const {
    constexpr std::size_t most = 3;
    std::string words;
    std::size_t count = 0;
    for (auto piece = pieces_.begin(); piece != pieces_.end(); ++count) {
        const std::uint64_t start = piece->first;
        std::uint64_t end = piece->second.end;
        for (++piece; piece != pieces_.end() && piece->first == end; ++piece) {
            end = piece->second.end;
        }
        if (count < most) {
            words += fmt::format("{}{:#x}-{:#x}", count == 0 ? "" : ", ", start, end);
        }
    }
    return count > most ? fmt::format("{} and {} more", words, count - most) : words;
}

} // namespace twofold::tool
