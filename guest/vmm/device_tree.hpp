// SPDX-License-Identifier: MIT
// The device tree that the guest is given.
#pragma once

#include "options.hpp"

#include <cstddef>
#include <vector>

namespace twofold::vmm {

std::vector<std::byte> make_device_tree(const Options& options);

} // namespace twofold::vmm
