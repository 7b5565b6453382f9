// SPDX-License-Identifier: MIT
// KVM's columns.
#include "tools/map/kvm_pages.hpp"

#include <twofold/arch/attributes.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using valid = Field<0>;
using type = Field<1, 0>;
using table_bit = Field<1>;
using xn_bit = Field<54>; // all of XN that 6.12 knows

// The largest unit of 1024 that divides it, from K on.
std::string exact_size(std::uint64_t bytes) {
    constexpr std::string_view units = "KMGTPE";
    std::uint64_t number = bytes >> 10;
    std::size_t unit = 0;
    while (number % 1024 == 0 && unit + 1 < units.size()) {
        number /= 1024;
        ++unit;
    }
    return fmt::format("{:>9}{}", number, units[unit]);
}

std::string_view either(bool condition, std::string_view yes, std::string_view no) {
    return condition ? yes : no;
}

} // namespace

std::uint64_t KvmPages::shown_bits() const {
    const std::uint64_t always = valid::mask | leaf::s2ap::mask | leaf::af::mask;
    return format_ == MapFormat::kvm_6_12 ? always | xn_bit::mask | table_bit::mask
                                          : always | leaf::xn::mask | type::mask;
}

// 6.12 wants the valid bit beside the one that it looks at: an entry without shows "X" and no more.
std::string KvmPages::attributes(std::uint64_t shown) const {
    const bool is_valid = valid::is_set(shown);
    const bool old = format_ == MapFormat::kvm_6_12;
    const bool counts = is_valid || !old;
    constexpr std::string_view apart[] = {"px ux ", "PXNux ", "PXNUXN", "px UXN"};
    const std::string_view execute =
        old ? either(is_valid && !xn_bit::is_set(shown), " ", "X") : apart[leaf::xn::get(shown)];
    return fmt::format(" {} {} {} {} {} {}", either(is_valid, " ", "F"),
                       either(counts && leaf::s2ap_read::is_set(shown), "R", " "),
                       either(counts && leaf::s2ap_write::is_set(shown), "W", " "), execute,
                       either(counts && leaf::af::is_set(shown), "AF", "  "),
                       either(type::get(shown) == 0b01, "BLK", "   "));
}

std::string KvmPages::line(const Run& run, Ipa end) const {
    return fmt::format("{:#018x}-{:#018x}   {} {}{}\n", run.start.value, end.value,
                       exact_size(end - run.start), run.level,
                       run.shown == 0 ? "" : attributes(run.shown));
}

bool KvmPages::visit(const TreeEntry& entry) {
    // KVM knows neither tables that it cannot read nor such that it has seen before.
    const bool gap = entry.kind == TreeEntryKind::unread || entry.kind == TreeEntryKind::again ||
                     entry.kind == TreeEntryKind::out_of_range;
    const std::uint64_t shown = gap ? 0 : entry.descriptor.value & shown_bits();
    if (!run_) {
        run_ = Run{entry.ipa, entry.level, shown};
        return out_.put("---[ Guest IPA ]---\n");
    }
    if (run_->level == entry.level && run_->shown == shown) {
        return true;
    }
    const bool written = out_.put(line(*run_, entry.ipa));
    run_ = Run{entry.ipa, entry.level, shown};
    return written;
}

} // namespace twofold::tool
