// SPDX-License-Identifier: MIT
#include "step.hpp"

#include <array>
#include <cstdio>

namespace twofold::test {

namespace {

unsigned long long wide(std::uint64_t value) { return value; }

const char* name_of(Barrier barrier) {
    constexpr std::array names{"DSB ISHST",  "DSB NSHST",  "DSB ISH", "DSB NSH",
                               "DSB ISHnXS", "DSB NSHnXS", "ISB"};
    return names[static_cast<std::size_t>(barrier)];
}

std::string name_of(const TlbiOperation& t) {
    constexpr std::array names{"IPAS2", "RIPAS2", "VMALLE1", "VMALLS12"};
    char text[80];
    std::snprintf(text, sizeof text, "TLBI %s%s%s %#llx", names[static_cast<std::size_t>(t.kind)],
                  t.last_level ? "L" : "",
                  t.scope == InvalidationScope::inner_shareable ? " IS" : "", wide(t.operand));
    return text;
}

} // namespace

std::string to_string(const Step& s) {
    char text[160];
    const auto entry = [&](const char* verb) {
        std::snprintf(text, sizeof text, "  cpu %u  %-8s %#llx: %#llx -> %#llx", s.cpu, verb,
                      wide(s.where), wide(s.before), wide(s.after));
        return std::string{text};
    };
    const auto table = [&](const char* verb) {
        std::snprintf(text, sizeof text, "  cpu %u  %-8s %#llx", s.cpu, verb, wide(s.where));
        return std::string{text};
    };
    const auto plain = [&](const std::string& words) {
        std::snprintf(text, sizeof text, "  cpu %u  %s", s.cpu, words.c_str());
        return std::string{text};
    };
    switch (s.kind) {
    case StepKind::begin:
        return plain(std::string{"begins "} + s.name);
    case StepKind::end:
        std::snprintf(text, sizeof text, "  cpu %u  ends %s: %#llx", s.cpu, s.name, wide(s.after));
        return text;
    case StepKind::load:
        std::snprintf(text, sizeof text, "  cpu %u  load     %#llx: %#llx", s.cpu, wide(s.where),
                      wide(s.before));
        return text;
    case StepKind::store:
        return entry("store");
    case StepKind::publish:
        return entry("publish");
    case StepKind::exchange:
        return entry("exchange");
    case StepKind::clear_bits:
        return entry("clear");
    case StepKind::compare_exchange:
        return entry("cas");
    case StepKind::failed_exchange:
        return entry("cas lost");
    case StepKind::tlbi:
        return plain(name_of(s.tlbi));
    case StepKind::barrier:
        return plain(name_of(s.barrier));
    case StepKind::allocate:
        return table("allocate");
    case StepKind::free:
        return table("free");
    case StepKind::retire:
        return table("retire");
    case StepKind::enter_section:
        return plain("section {");
    case StepKind::leave_section:
        return plain("} section");
    case StepKind::shared:
        return plain("looks at the engine's own");
    }
    return {};
}

} // namespace twofold::test
