// SPDX-License-Identifier: MIT
// Semihosting: files and the exit status of the host that runs an emulator.
#pragma once

#include <cstdint>
#include <string_view>

namespace twofold::hyp {

// Tries one call with the vectors of EL2 in place; without semihosting it traps and is skipped.
void probe_semihosting();
bool has_semihosting();

// Skips the trapped probe. `elr` is where the exception came from; false if it was another one.
bool skip_semihosting_probe(std::uint64_t& elr);

// Returns only if there is no semihosting.
void semihosting_exit(unsigned status);

// A file on the host, replaced when it exists.
class SemihostingFile {
public:
    // `path` ends with a zero byte.
    explicit SemihostingFile(const char* path);
    ~SemihostingFile();
    SemihostingFile(const SemihostingFile&) = delete;
    SemihostingFile& operator=(const SemihostingFile&) = delete;

    bool is_open() const { return handle_ >= 0; }
    bool write(std::string_view text);

private:
    std::int64_t handle_ = -1;
};

} // namespace twofold::hyp
