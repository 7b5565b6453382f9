// SPDX-License-Identifier: MIT
// Parsing of the command line.
#include "options.hpp"

#include "die.hpp"

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace twofold::vmm {

namespace {

constexpr std::uint64_t page = 4096;

std::uint64_t number_of(const std::string& text, const char* option) {
    std::uint64_t number = 0;
    if (!parse_number(text, number))
        die(std::string{option} + ": expected a number, not " + text);
    return number;
}

MemoryOptions parse_memory(const std::string& text) {
    const std::vector<std::string> parts = split(text, ',');
    if (parts.size() < 3 || parts.size() > 4 || (parts.size() == 4 && parts[3] != "ro"))
        die("--memory: expected IPA,SIZE,BACKING[,ro], not " + text);
    MemoryOptions memory{.ipa = number_of(parts[0], "--memory"),
                         .size = number_of(parts[1], "--memory"),
                         .backing = parts[2],
                         .read_only = parts.size() == 4};
    if (memory.size == 0 || memory.ipa % page != 0 || memory.size % page != 0)
        die("--memory: expected whole pages, not " + text);
    return memory;
}

} // namespace

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts{""};
    for (const char c : text) {
        if (c == separator)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

bool parse_number(const std::string& text, std::uint64_t& number) {
    char* end = nullptr;
    errno = 0;
    number = std::strtoull(text.c_str(), &end, 0);
    const std::string_view unit{end};
    const unsigned shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 0;
    const bool good = errno == 0 && end != text.c_str() && (unit.empty() || shift != 0) &&
                      number <= ~std::uint64_t{0} >> shift;
    errno = 0;
    number <<= shift;
    return good;
}

Options parse_options(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; i += 2) {
        const std::string name = arguments[i];
        if (i + 1 == count)
            die(name + ": expected a value");
        const std::string value = arguments[i + 1];
        if (name == "--ipa")
            options.ipa_bits = static_cast<unsigned>(number_of(value, "--ipa"));
        else if (name == "--memory")
            options.memory.push_back(parse_memory(value));
        else if (name == "--image")
            options.image = value;
        else if (name == "--words")
            options.words = value;
        else if (name == "--watchdog")
            options.watchdog = static_cast<unsigned>(number_of(value, "--watchdog"));
        else
            die("expected --ipa, --memory, --image, --words or --watchdog, not " + name);
    }
    if (options.memory.empty())
        die("expected --memory");
    return options;
}

} // namespace twofold::vmm
