// SPDX-License-Identifier: MIT
// FaultHistory: the last abort of one vCPU for which nothing had to be done. A few in a row are
// lost races; very many mean that the CPU does not see what the table says, and would fault for
// ever.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/address.hpp>

#include <cstdint>

namespace twofold {

class FaultHistory {
public:
    static constexpr std::uint64_t limit = 1000;

    // Whether the abort has come `limit` times in a row.
    constexpr bool is_endless(const Abort& abort, Ipa ipa) {
        if (count_ == 0 || esr_ != abort.esr || ipa_ != ipa) {
            esr_ = abort.esr;
            ipa_ = ipa;
            count_ = 0;
        }
        return ++count_ >= limit;
    }
    constexpr void forget() { count_ = 0; }

private:
    std::uint64_t esr_ = 0;
    Ipa ipa_ = {};
    std::uint64_t count_ = 0;
};

} // namespace twofold
