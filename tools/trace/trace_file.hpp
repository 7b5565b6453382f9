// SPDX-License-Identifier: MIT
// TraceFile: the records that the hypervisor wrote, one by one. They are not believed: a guest of
// an emulator can write to files, too.
#pragma once

#include "tools/result.hpp"

#include <twofold/vm/trace_record.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace twofold::tool {

class TraceFile {
public:
    static Result<TraceFile> open(const std::filesystem::path& path);

    const TraceHeader& header() const { return header_; }
    // The next one; none at the end of the file, or where it cannot be read any further.
    std::optional<TraceRecord> next();
    // Why there is no next one: empty behind the record of kind `end`.
    const std::string& why_over() const { return why_over_; }

private:
    explicit TraceFile(std::ifstream stream) : stream_{std::move(stream)} {}

    std::ifstream stream_;
    TraceHeader header_;
    std::string why_over_ = "the trace has no end: the machine was stopped before";
    bool over_ = false;
};

} // namespace twofold::tool
