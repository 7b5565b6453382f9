// SPDX-License-Identifier: MIT
// LiveMemory: a machine's memory, page by page as it is asked for. What was read is kept, so that
// the same walk can be done again when the machine runs on.
#pragma once

#include "tools/attach/ram_map.hpp"
#include "tools/memory/memory_source.hpp"
#include "tools/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

namespace twofold::tool {

class LiveMemory : public MemorySource {
public:
    using Reader = std::function<Result<std::string>(Pa, std::size_t)>;

    // Without a map of its memory, the machine is trusted to have memory everywhere.
    LiveMemory(Reader reader, std::optional<RamMap> ram, std::uint64_t page_limit)
        : reader_{std::move(reader)},
          ram_{std::move(ram)},
          page_limit_{page_limit} {}

    std::optional<std::uint64_t> load(Pa pa) override;

    // From here on there is what was read, and nothing else.
    void close() { reader_ = nullptr; }

    // Why reading ended early; empty if it did not.
    const std::string& error() const { return error_; }
    std::size_t pages() const { return pages_.size(); }
    // Whether there would have been more to read than is kept.
    bool overflown() const { return overflown_; }
    // Descriptors that were looked for where there is no memory.
    bool strayed() const { return strayed_; }

private:
    static constexpr std::uint64_t page_bytes = 4096;
    const std::string* page(Pa page);

    Reader reader_;
    std::optional<RamMap> ram_;
    std::uint64_t page_limit_ = 0;
    std::unordered_map<std::uint64_t, std::string> pages_;
    std::string error_;
    bool overflown_ = false;
    bool strayed_ = false;
};

} // namespace twofold::tool
