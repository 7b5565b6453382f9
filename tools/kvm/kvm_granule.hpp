// SPDX-License-Identifier: MIT
// The granule of a dump, which does not name it.
#pragma once

#include "tools/kvm/kvm_dump.hpp"

namespace twofold::tool {

struct GranuleGuess {
    Granule granule = Granule::k4;
    bool certain = true;
};

// By how many levels KVM gives an IPA size, and by the alignment of what each level maps.
GranuleGuess guess_granule(const KvmDump& dump);

} // namespace twofold::tool
