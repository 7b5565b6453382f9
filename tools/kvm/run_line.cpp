// SPDX-License-Identifier: MIT
// Parsing of a run.
#include "tools/kvm/run_line.hpp"

#include <charconv>
#include <system_error>

namespace twofold::tool {

namespace {

// With all columns empty it is as long as this: an entry that is valid and allows nothing.
constexpr std::size_t empty_columns = 15;

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_{text} {}

    bool skip(std::string_view expected) {
        if (!text_.starts_with(expected)) {
            return false;
        }
        text_.remove_prefix(expected.size());
        return true;
    }
    void skip_spaces() {
        text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
    }
    template <class Number>
    bool number(Number& value, int base) {
        const char* const end = text_.data() + text_.size();
        const auto [rest, error] = std::from_chars(text_.data(), end, value, base);
        text_.remove_prefix(static_cast<std::size_t>(rest - text_.data()));
        return error == std::errc{};
    }
    // The next word, empty at the end.
    std::string_view word() {
        skip_spaces();
        const std::string_view word = text_.substr(0, text_.find(' '));
        text_.remove_prefix(word.size());
        return word;
    }
    char next() {
        const char c = text_.empty() ? '\0' : text_.front();
        text_.remove_prefix(text_.empty() ? 0 : 1);
        return c;
    }
    std::string_view rest() const { return text_; }

private:
    std::string_view text_;
};

// Bytes of a number and its unit, modulo 2^64.
std::optional<std::uint64_t> printed_size(std::uint64_t number, char unit) {
    constexpr std::string_view units = "KMGTPE";
    const std::size_t place = units.find(unit);
    if (unit == '\0' || place == std::string_view::npos) {
        return std::nullopt;
    }
    return number << (10 * (place + 1));
}

struct Flags {
    KvmRunLine& line;
    bool valid = true;
    bool execute_seen = false;

    void execute(KvmColumns columns, bool el1, bool el0) {
        line.columns = columns;
        line.run.permissions.execute_el1 = el1;
        line.run.permissions.execute_el0 = el0;
        execute_seen = true;
    }
    void take(std::string_view word) {
        Permissions& permissions = line.run.permissions;
        if (word == "F") {
            valid = false;
        } else if (word == "R") {
            permissions.read = true;
        } else if (word == "W") {
            permissions.write = true;
        } else if (word == "AF") {
            line.run.access_flag = true;
        } else if (word == "BLK") {
            line.run.block = true;
        } else if (word == "X") {
            execute(KvmColumns::x_inverted, false, false);
        } else if (word == "NX") {
            execute(KvmColumns::nx, false, false);
        } else if (word == "x") {
            execute(KvmColumns::nx, true, true);
        } else if (word == "px") { // "ux" or "UXN" follows
            execute(KvmColumns::px_ux, true, false);
        } else if (word == "ux" && line.columns == KvmColumns::px_ux) {
            permissions.execute_el0 = true;
        } else if (word == "UXN" && line.columns == KvmColumns::px_ux) {
            permissions.execute_el0 = false;
        } else if (word == "PXNux") {
            execute(KvmColumns::px_ux, false, true);
        } else if (word == "PXNUXN") {
            execute(KvmColumns::px_ux, false, false);
        } else {
            line.unknown_flag = true;
        }
    }
};

void parse_flags(Scanner scanner, KvmRunLine& line) {
    const bool blank = scanner.rest().find_first_not_of(' ') == std::string_view::npos;
    if (blank && scanner.rest().size() < empty_columns) {
        return; // a hole
    }
    Flags flags{line};
    for (std::string_view word = scanner.word(); !word.empty(); word = scanner.word()) {
        flags.take(word);
    }
    if (!flags.execute_seen) { // only one format prints nothing where execution is allowed
        flags.execute(KvmColumns::x_inverted, flags.valid, flags.valid);
    }
    line.run.leaf = flags.valid;
    line.run.invalid = !flags.valid;
}

} // namespace

std::optional<KvmRunLine> parse_run_line(std::string_view text) {
    Scanner scanner{text};
    KvmRunLine line;
    std::uint64_t number = 0;
    if (!scanner.skip("0x") || !scanner.number(line.run.start.value, 16) || !scanner.skip("-0x") ||
        !scanner.number(line.run.end.value, 16) || !scanner.skip(" ")) {
        return std::nullopt;
    }
    scanner.skip_spaces();
    if (!scanner.number(number, 10)) {
        return std::nullopt;
    }
    const auto size = printed_size(number, scanner.next());
    if (!size || !scanner.skip(" ") || !scanner.number(line.run.level, 10) ||
        (!scanner.rest().empty() && !scanner.rest().starts_with(' '))) {
        return std::nullopt;
    }
    line.size = *size;
    parse_flags(scanner, line);
    return line;
}

} // namespace twofold::tool
