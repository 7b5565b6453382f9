// SPDX-License-Identifier: MIT
// Writing of results as they come.
#include "tools/result_stream.hpp"

#include "tools/command.hpp"

#include <cstdio>

namespace twofold::tool {

namespace {
constexpr std::size_t buffer_bytes = 1U << 16;
} // namespace

bool ResultStream::write(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

bool ResultStream::flush() {
    good_ = good_ && write(buffer_);
    buffer_.clear();
    return good_;
}

bool ResultStream::put(std::string_view text) {
    buffer_ += text;
    return buffer_.size() < buffer_bytes ? good_ : flush();
}

int ResultStream::finish() {
    if (!flush() || std::fflush(stdout) != 0) {
        return fail(exit_status::no, "the result could not be written");
    }
    return exit_status::yes;
}

} // namespace twofold::tool
