// SPDX-License-Identifier: MIT
// VTCR_EL2 in words.
#include "tools/layout/vtcr_words.hpp"

#include "tools/text/size.hpp"

#include <twofold/arch/vtcr_geometry.hpp>

#include <fmt/format.h>

#include <optional>

namespace twofold::tool {

namespace {

template <class Field>
RegisterField field_of(std::string_view name, Vtcr vtcr, std::string_view meaning) {
    return register_field<Field>(name, vtcr.value, std::string{meaning});
}

std::string_view cacheability(std::uint64_t value) {
    constexpr std::string_view words[] = {"Non-cacheable", "Write-Back, Write-Allocate",
                                          "Write-Through", "Write-Back, no Write-Allocate"};
    return words[value & 3];
}

std::string_view shareability(std::uint64_t value) {
    constexpr std::string_view words[] = {"Non-shareable", "reserved", "Outer Shareable",
                                          "Inner Shareable"};
    return words[value & 3];
}

std::string or_reserved(const std::string& text) { return text.empty() ? "reserved" : text; }

std::string granule_meaning(Vtcr vtcr) {
    const auto granule = vtcr_geometry::granule_of(vtcr);
    return or_reserved(granule ? granule_words(*granule) + " granule" : "");
}

std::string level_meaning(Vtcr vtcr) {
    const auto granule = vtcr_geometry::granule_of(vtcr);
    const bool ds = Vtcr::ds::is_set(vtcr.value);
    const auto level = granule ? vtcr_geometry::initial_level_of(vtcr, *granule, ds) : std::nullopt;
    return or_reserved(level ? fmt::format("initial level {}", *level) : "");
}

std::string ps_meaning(Vtcr vtcr) {
    return fmt::format("{}-bit output addresses", pa_bits_of(Vtcr::ps::get(vtcr.value)));
}

std::string_view choose(bool set, std::string_view yes, std::string_view no) {
    return set ? yes : no;
}

} // namespace

std::vector<RegisterField> vtcr_words(Vtcr vtcr) {
    const std::uint64_t v = vtcr.value;
    const auto flag = [v]<class Field>(std::string_view yes, std::string_view no) {
        return std::string{choose(Field::is_set(v), yes, no)};
    };
    std::vector<RegisterField> fields = {
        field_of<Vtcr::t0sz>("T0SZ", vtcr, fmt::format("{}-bit IPA", vtcr.ipa_bits())),
        field_of<Vtcr::sl0>("SL0", vtcr, level_meaning(vtcr)),
        field_of<Vtcr::irgn0>("IRGN0", vtcr,
                              fmt::format("walks inner {}", cacheability(Vtcr::irgn0::get(v)))),
        field_of<Vtcr::orgn0>("ORGN0", vtcr,
                              fmt::format("walks outer {}", cacheability(Vtcr::orgn0::get(v)))),
        field_of<Vtcr::sh0>("SH0", vtcr, fmt::format("walks {}", shareability(Vtcr::sh0::get(v)))),
        field_of<Vtcr::tg0>("TG0", vtcr, granule_meaning(vtcr)),
        field_of<Vtcr::ps>("PS", vtcr, ps_meaning(vtcr)),
        field_of<Vtcr::vs>("VS", vtcr, flag.operator()<Vtcr::vs>("16-bit VMID", "8-bit VMID")),
        field_of<Vtcr::ha>("HA", vtcr,
                           flag.operator()<Vtcr::ha>("hardware sets the access flag",
                                                     "software sets the access flag")),
        field_of<Vtcr::hd>(
            "HD", vtcr,
            flag.operator()<Vtcr::hd>("hardware sets dirty state", "software tracks dirty state")),
        field_of<Vtcr::res1>("RES1", vtcr, flag.operator()<Vtcr::res1>("", "must be 1")),
        field_of<Vtcr::ds>("DS", vtcr,
                           flag.operator()<Vtcr::ds>("LPA2: 52-bit descriptors", "no LPA2")),
    };
    const auto add = [&fields](RegisterField field) {
        if (field.value != 0) {
            fields.push_back(std::move(field));
        }
    };
    add(field_of<Vtcr::hwu>("HWU", vtcr, "bits [62:59] of leaves are the implementation's"));
    add(field_of<Vtcr::nsw>("NSW", vtcr, "walks of Secure stage 2 in Non-secure memory"));
    add(field_of<Vtcr::nsa>("NSA", vtcr, "Secure stage 2 gives Non-secure memory"));
    add(field_of<Vtcr::sl2>("SL2", vtcr, "extends SL0"));
    add(field_of<Vtcr::assured_only>("AssuredOnly", vtcr, "AssuredOnly attribute in use"));
    add(field_of<Vtcr::tl1>("TL1", vtcr, "TopLevel1 in use"));
    add(field_of<Vtcr::s2pie>("S2PIE", vtcr, "indirect permissions"));
    add(field_of<Vtcr::s2poe>("S2POE", vtcr, "permission overlay"));
    add(field_of<Vtcr::d128>("D128", vtcr, "128-bit descriptors"));
    add(field_of<Vtcr::gcsh>("GCSH", vtcr, "assured guarded control stacks"));
    add(field_of<Vtcr::tl0>("TL0", vtcr, "TopLevel0 in use"));
    add(field_of<Vtcr::haft>("HAFT", vtcr, "hardware sets the access flag of tables"));
    return fields;
}

std::vector<std::string> vtcr_summary(Vtcr vtcr) {
    const std::uint64_t v = vtcr.value;
    const auto by = [](bool hardware) { return hardware ? "hardware" : "software"; };
    std::vector<std::string> words = {
        granule_meaning(vtcr),
        fmt::format("{}-bit IPA", vtcr.ipa_bits()),
        level_meaning(vtcr),
        ps_meaning(vtcr),
        std::string{choose(Vtcr::vs::is_set(v), "16-bit VMID", "8-bit VMID")},
        fmt::format("access flag by {}", by(Vtcr::ha::is_set(v))),
        fmt::format("dirty state by {}", by(Vtcr::hd::is_set(v))),
    };
    if (Vtcr::ds::is_set(v)) {
        words.emplace_back("LPA2");
    }
    return words;
}

} // namespace twofold::tool
