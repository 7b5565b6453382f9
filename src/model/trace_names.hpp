// SPDX-License-Identifier: MIT
// The words of a trace, in the order of their enumerators.
#pragma once

#include <string_view>

namespace twofold::model::trace_names {

inline constexpr std::string_view kinds[] = {"store",    "publish",  "exchange", "clear", "cas",
                                             "hardware", "adopt",    "alloc",    "free",  "retire",
                                             "barrier",  "tlbi",     "context",  "enter", "leave",
                                             "settled",  "all-done", "teardown"};
inline constexpr std::string_view barriers[] = {"dsb-ishst",   "dsb-nshst",   "dsb-ish", "dsb-nsh",
                                                "dsb-ish-nxs", "dsb-nsh-nxs", "isb"};
inline constexpr std::string_view tlbis[] = {"ipas2", "ripas2", "vmalle1", "vmalls12"};
inline constexpr std::string_view granules[] = {"4k", "16k", "64k"};

} // namespace twofold::model::trace_names
