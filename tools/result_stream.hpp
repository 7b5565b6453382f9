// SPDX-License-Identifier: MIT
// ResultStream: a result that is too long to be put together before it is written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace twofold::tool {

class ResultStream {
public:
    ResultStream() = default;
    ResultStream(const ResultStream&) = delete;
    ResultStream& operator=(const ResultStream&) = delete;
    virtual ~ResultStream() = default;

    // False once something could not be written: there is no point in going on.
    bool put(std::string_view text);
    // As print_result() ends.
    int finish();

private:
    virtual bool write(std::string_view text); // to stdout
    bool flush();

    std::string buffer_;
    bool good_ = true;
};

} // namespace twofold::tool
