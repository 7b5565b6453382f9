// SPDX-License-Identifier: MIT
// Aborts in words.
#pragma once

#include <twofold/arch/abort.hpp>

#include <cstdint>
#include <string>

namespace twofold::tool {

// ESR_EL2.EC; empty for a reserved one.
std::string exception_class_words(std::uint64_t ec);

// "translation fault at level 1"
std::string status_words(const FaultStatus& status);

// "W2", "X5", or "WZR"
std::string register_words(const AccessSyndrome& access);

// "4 bytes into X5, sign-extended"
std::string syndrome_words(const AccessSyndrome& access, bool write);

// All of it in a sentence. `has_hpfar`, `has_far`: the registers were given.
std::string abort_words(const Abort& abort, bool has_hpfar, bool has_far);

} // namespace twofold::tool
