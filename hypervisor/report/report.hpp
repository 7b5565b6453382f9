// SPDX-License-Identifier: MIT
// The state of each guest's second stage of translation at its end, as JSON: the first guest's, and
// those of others in a list of it.
#pragma once

#include <span>

namespace twofold::hyp {

class Guest;
struct Configuration;

// To where the configuration says, when all have ended. False if it could not be written.
bool write_report(std::span<Guest> guests, const Configuration& configuration);

} // namespace twofold::hyp
