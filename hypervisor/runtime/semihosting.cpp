// SPDX-License-Identifier: MIT
// Semihosting operations, as "Semihosting for AArch32 and AArch64" numbers them.
#include "runtime/semihosting.hpp"

#include <cstring>

extern "C" std::int64_t semihosting_call(std::uint64_t operation, const void* block);
extern "C" const char semihosting_trap[];

namespace twofold::hyp {

namespace {

constexpr std::uint64_t sys_open = 0x01;
constexpr std::uint64_t sys_close = 0x02;
constexpr std::uint64_t sys_write = 0x05;
constexpr std::uint64_t sys_errno = 0x13;
constexpr std::uint64_t sys_exit_extended = 0x20;
constexpr std::uint64_t open_mode_wb = 5;
constexpr std::uint64_t adp_stopped_application_exit = 0x20026;

bool available = false;
bool skipped = false;

} // namespace

void probe_semihosting() {
    static constexpr std::uint64_t nothing = 0;
    skipped = false;
    semihosting_call(sys_errno, &nothing);
    available = !*const_cast<volatile bool*>(&skipped);
}

bool has_semihosting() { return available; }

bool skip_semihosting_probe(std::uint64_t& elr) {
    if (available || elr != reinterpret_cast<std::uintptr_t>(semihosting_trap))
        return false;
    skipped = true;
    elr += 4;
    return true;
}

void semihosting_exit(unsigned status) {
    if (!available)
        return;
    const std::uint64_t block[2] = {adp_stopped_application_exit, status};
    semihosting_call(sys_exit_extended, block);
}

SemihostingFile::SemihostingFile(const char* path) {
    if (!available)
        return;
    const std::uint64_t block[3] = {reinterpret_cast<std::uintptr_t>(path), open_mode_wb,
                                    std::strlen(path)};
    handle_ = semihosting_call(sys_open, block);
}

SemihostingFile::~SemihostingFile() {
    if (!is_open())
        return;
    const std::uint64_t block[1] = {static_cast<std::uint64_t>(handle_)};
    semihosting_call(sys_close, block);
}

bool SemihostingFile::write(std::string_view text) {
    const std::uint64_t block[3] = {static_cast<std::uint64_t>(handle_),
                                    reinterpret_cast<std::uintptr_t>(text.data()), text.size()};
    // The answer is the number of bytes that were not written.
    return semihosting_call(sys_write, block) == 0;
}

} // namespace twofold::hyp
