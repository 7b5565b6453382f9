// SPDX-License-Identifier: MIT
// Reading and keeping of pages.
#include "tools/attach/live_memory.hpp"

namespace twofold::tool {

std::optional<std::uint64_t> LiveMemory::load(Pa pa) {
    const Pa start = pa.align_down(page_bytes);
    const std::uint64_t inside = pa.offset_in(page_bytes);
    const std::string* const bytes = page(start);
    if (bytes == nullptr || inside + 8 > bytes->size()) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) {
        value |= std::uint64_t{static_cast<unsigned char>((*bytes)[inside + i])} << (8 * i);
    }
    return value;
}

const std::string* LiveMemory::page(Pa page) {
    if (const auto found = pages_.find(page.value); found != pages_.end()) {
        return &found->second;
    }
    if (!reader_ || !error_.empty()) {
        return nullptr;
    }
    if (ram_ && !ram_->contains(page, page_bytes)) {
        strayed_ = true;
        return nullptr;
    }
    if (pages_.size() >= page_limit_) {
        overflown_ = true;
        return nullptr;
    }
    auto bytes = reader_(page, page_bytes);
    if (!bytes) {
        error_ = bytes.error();
        return nullptr;
    }
    return &pages_.emplace(page.value, std::move(*bytes)).first->second;
}

} // namespace twofold::tool
