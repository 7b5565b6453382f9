// SPDX-License-Identifier: MIT
// The host's console: whole lines, from either thread.
#pragma once

#include <string>

namespace twofold::vmm {

void say(const std::string& line);

std::string hex(unsigned long long number);

} // namespace twofold::vmm
