// SPDX-License-Identifier: MIT
// The files of a run, looked at before QEMU is started.
#pragma once

#include "tools/result.hpp"
#include "tools/run/placement.hpp"
#include "tools/run/run_options.hpp"

namespace twofold::tool {

// Where they go in memory; an error names the file that is missing or not what it should be.
Result<Placement> place_files(const RunOptions& options);

} // namespace twofold::tool
