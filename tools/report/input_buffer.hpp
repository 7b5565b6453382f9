// SPDX-License-Identifier: MIT
// InputBuffer: a file, or the standard input, as a stream that ends where a bound is passed.
#pragma once

#include "tools/run/file_descriptor.hpp"

#include <cstdint>
#include <streambuf>
#include <string>

namespace twofold::tool {

class InputBuffer : public std::streambuf {
public:
    InputBuffer(FileDescriptor descriptor, std::uint64_t limit)
        : descriptor_{std::move(descriptor)},
          limit_{limit} {}

    bool passed_limit() const { return passed_limit_; }
    // What reading failed with; 0 if it did not.
    int error() const { return error_; }

protected:
    int_type underflow() override;

private:
    FileDescriptor descriptor_;
    std::uint64_t limit_;
    std::uint64_t taken_ = 0;
    bool passed_limit_ = false;
    int error_ = 0;
    std::string space_ = std::string(1U << 16, '\0');
};

} // namespace twofold::tool
