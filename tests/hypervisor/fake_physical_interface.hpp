// SPDX-License-Identifier: MIT
// What was written to the system registers of the physical CPU interface.
#pragma once

#include <cstdint>
#include <vector>

namespace twofold::test {

std::vector<std::uint64_t>& sent_sgis();
unsigned& initialised_cpus();

} // namespace twofold::test
