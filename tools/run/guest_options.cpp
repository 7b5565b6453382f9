// SPDX-License-Identifier: MIT
// Values of a guest, as options of the command and as keys of --vm.
#include "tools/run/guest_options.hpp"

#include "tools/command.hpp"
#include "tools/text/key_values.hpp"
#include "tools/text/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

namespace twofold::tool {

namespace {

constexpr std::string_view keys =
    "KEY=VALUE,... of name, kernel, initrd, append, memory, extent, fault-around, ipa, granule, "
    "lpa2, smp";

// It stands in the hypervisor's command line, and in front of each line on the console, where the
// hypervisor calls itself "twofold".
constexpr std::size_t longest_name = 22;

std::optional<std::uint64_t> power_between(std::string_view text, std::uint64_t least,
                                           std::uint64_t most) {
    const auto bytes = parse_number(text);
    const bool possible = bytes && std::has_single_bit(*bytes) && *bytes >= least && *bytes <= most;
    return possible ? bytes : std::nullopt;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name && text != "twofold" &&
           std::ranges::all_of(text, [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
           });
}

// Takes the values of a text and keeps in mind what is wrong first.
class Taker {
public:
    explicit Taker(KeyValues& values) : values_{values} {}

    template <class Value, class Into>
    void take(std::string_view key, const GuestValue<Value>& value, Into& into) {
        if (const auto text = values_.text(key)) {
            const auto parsed = value.parse(*text);
            if (parsed) {
                into = *parsed;
            }
            check(parsed.has_value(), key, value.expected, *text);
        }
    }
    template <class Into>
    void take(std::string_view key, Into& into) {
        if (const auto text = values_.text(key)) {
            into = *text;
        }
    }
    void check(bool good, std::string_view key, std::string_view expected, std::string_view text) {
        if (!good && wrong_.empty()) {
            wrong_ = fmt::format("--vm: {}: expected {}, not \"{}\"", key, expected, text);
        }
    }
    const std::string& wrong() const { return wrong_; }

private:
    KeyValues& values_;
    std::string wrong_;
};

} // namespace

const GuestValue<std::uint64_t> memory_value{[](std::string_view text) {
                                                 const auto bytes = parse_number(text);
                                                 const bool possible =
                                                     bytes && *bytes != 0 &&
                                                     is_aligned(*bytes, 2 * MiB) &&
                                                     *bytes <= 64 * TiB;
                                                 return possible ? bytes : std::nullopt;
                                             },
                                             "a multiple of 2M"};

const GuestValue<std::uint64_t> extent_value{
    [](std::string_view text) { return power_between(text, 4 * KiB, GiB); },
    "a power of two from 4K to 1G"};

const GuestValue<std::uint64_t> around_value{
    [](std::string_view text) { return power_between(text, 4 * KiB, 2 * MiB); },
    "a power of two from 4K to 2M"};

const GuestValue<unsigned> ipa_value{
    [](std::string_view text) { return parse_between(text, 1, 64); }, "1 to 64"};

const GuestValue<Granule> granule_value{[](std::string_view text) { return parse_granule(text); },
                                        "4K, 16K or 64K"};

const GuestValue<unsigned> smp_value{
    [](std::string_view text) { return parse_between(text, 1, 8); }, "1 to 8"};

Result<GuestOptions> parse_guest(std::string_view text, const GuestOptions& defaults) {
    KeyValues values{text};
    GuestOptions guest = defaults;
    Taker taker{values};
    if (const auto name = values.text("name")) {
        guest.name = *name;
        taker.check(is_name(*name), "name",
                    fmt::format("at most {} letters, digits, '-', '_' and '.', and not \"twofold\"",
                                longest_name),
                    *name);
    }
    taker.take("kernel", guest.kernel);
    taker.take("initrd", guest.initrd);
    taker.take("append", guest.append);
    taker.take("memory", memory_value, guest.memory);
    taker.take("extent", extent_value, guest.extent);
    taker.take("fault-around", around_value, guest.around);
    taker.take("ipa", ipa_value, guest.ipa_bits);
    taker.take("granule", granule_value, guest.granule);
    taker.take("smp", smp_value, guest.smp);
    guest.lpa2 = values.flag("lpa2") || guest.lpa2;
    if (const auto lpa2 = values.text("lpa2")) {
        guest.lpa2 = *lpa2 == "on";
        taker.check(*lpa2 == "on" || *lpa2 == "off", "lpa2", "on or off", *lpa2);
    }
    if (!taker.wrong().empty()) {
        return Failure{taker.wrong()};
    }
    if (!values.is_done()) {
        return Failure{fmt::format("--vm: expected {}, not \"{}\"", keys, text)};
    }
    return guest;
}

} // namespace twofold::tool
