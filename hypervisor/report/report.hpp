// SPDX-License-Identifier: MIT
// The state of a guest's second stage of translation at its end, as JSON.
#pragma once

namespace twofold::hyp {

class Guest;

// To where the configuration says. False if it could not be written.
bool write_report(Guest& guest);

} // namespace twofold::hyp
