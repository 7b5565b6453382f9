// SPDX-License-Identifier: MIT
// Where a report goes: the console, line by line, or a file of the host that runs the emulator.
#pragma once

#include "runtime/print.hpp"
#include "runtime/semihosting.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace twofold::hyp {

class ConsoleReportSink final : public TextSink {
public:
    void put(std::string_view text) override { print_text(text); }
};

// Writes in large pieces: each is a round trip to the host.
class FileReportSink final : public TextSink {
public:
    explicit FileReportSink(const char* path) : file_{path} {}

    bool is_open() const { return file_.is_open(); }

    void put(std::string_view text) override {
        while (!text.empty()) {
            const std::size_t count = std::min(text.size(), buffer_.size() - used_);
            std::memcpy(buffer_.data() + used_, text.data(), count);
            used_ += count;
            text.remove_prefix(count);
            if (used_ == buffer_.size())
                flush();
        }
    }

    // Whether everything arrived.
    bool finish() {
        if (used_ != 0)
            flush();
        return is_open() && !failed_;
    }

private:
    void flush() {
        failed_ = !file_.write({buffer_.data(), used_}) || failed_;
        used_ = 0;
    }

    SemihostingFile file_;
    std::array<char, 2048> buffer_{};
    std::size_t used_ = 0;
    bool failed_ = false;
};

} // namespace twofold::hyp
