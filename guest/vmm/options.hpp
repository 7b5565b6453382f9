// SPDX-License-Identifier: MIT
// Options: the VMM's command line.
#pragma once

#include "memory.hpp"

#include <string>
#include <vector>

namespace twofold::vmm {

struct Options {
    unsigned ipa_bits = 40;
    std::vector<MemoryOptions> memory; // the first one holds the image
    std::string image = "/payload.img";
    std::string words; // the guest's command line
    unsigned watchdog =
        10; // seconds without a character of the guest, after which it is told where it is
};

// Ends the process if something is wrong.
Options parse_options(int count, char** arguments);

// What is between the separators.
std::vector<std::string> split(const std::string& text, char separator);

// 0x80000000, 4096, 64K, 2M, 1G; false if it is not such a number.
bool parse_number(const std::string& text, std::uint64_t& number);

} // namespace twofold::vmm
