// SPDX-License-Identifier: MIT
// Configuration: the hypervisor's own command line, /chosen/bootargs, as "name=value" words.
//
//   guest.name=linux      in front of the guest's output
//   guest.memory=1G       multiple of 2 MiB
//   guest.base=1G         IPA of the guest's memory, multiple of 1 GiB
//   guest.cpus=2          default: all that the guests before it have left
//   guest.extent=1G       what its memory is allocated in: a power of two, 4K to 1G
//   guest.around=64K      what is mapped with a page that was faulted on: a power of two up to 2M;
//                         4K: that page alone
//   guest.ipa=40          bits of its address space
//   guest.granule=4K      of its stage-2 table: 4K, 16K, 64K
//   guest.lpa2=on         52-bit descriptors, where the CPU has them
//   guest.levels=fewest   or most: with the smallest root
//   guest1.name=guest1    and so on: of the second guest; guest2 and guest3 are the others
//   report=console        or semihosting:/path, or none
//   trace=none            or semihosting:/path: what happens to the first guest's stage 2, as
//                         TraceRecords; of the others to /path.1 and so on
//   trace.limit=1M        the most records of each
//   monitor.script=...    what the monitor of the first guest does by itself: see
//                         monitor/script.hpp, commas for blanks
//   monitor.calls=off     or on: a guest may give its monitor commands by HVC
#pragma once

#include "boot/boot_tree.hpp"

#include <twofold/arch/address.hpp>
#include <twofold/arch/geometry.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

namespace twofold::hyp {

enum class ReportTarget : std::uint8_t { none, console, semihosting };

// What one guest is to be.
struct GuestConfiguration {
    std::string_view name = "linux";
    std::uint64_t memory = GiB;
    Ipa base{GiB};
    unsigned cpus = 0; // 0: all that are left
    std::uint64_t extent = GiB;
    std::uint64_t around = 64 * KiB;
    unsigned ipa_bits = 40;
    Granule granule = Granule::k4;
    bool lpa2 = false;
    Prefer prefer = Prefer::fewest_levels;
};

struct Configuration {
    std::array<GuestConfiguration, most_guests> guests{
        {{}, {.name = "guest1"}, {.name = "guest2"}, {.name = "guest3"}}};
    std::size_t named_guests = 1; // up to the last one that a word is about
    ReportTarget report = ReportTarget::console;
    std::array<char, 256> report_path{}; // ends with a zero byte
    std::array<char, 256> trace_path{};  // likewise; empty: no trace
    std::uint64_t trace_limit = MiB;     // records
    std::string_view monitor_script;     // a part of the command line
    bool monitor_calls = false;

    // What is wrong is returned as the offending word.
    static std::expected<Configuration, std::string_view> parse(std::string_view command_line);
};

} // namespace twofold::hyp
