// SPDX-License-Identifier: MIT
// Reading piece by piece.
#include "tools/report/input_buffer.hpp"

#include <unistd.h>

#include <cerrno>

namespace twofold::tool {

InputBuffer::int_type InputBuffer::underflow() {
    if (passed_limit_ || error_ != 0) {
        return traits_type::eof();
    }
    ssize_t count = 0;
    do {
        count = ::read(descriptor_.number(), space_.data(), space_.size());
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        error_ = count < 0 ? errno : 0;
        return traits_type::eof();
    }
    taken_ += static_cast<std::uint64_t>(count);
    if (taken_ > limit_) {
        passed_limit_ = true;
        return traits_type::eof();
    }
    setg(space_.data(), space_.data(), space_.data() + count);
    return traits_type::to_int_type(space_.front());
}

} // namespace twofold::tool
