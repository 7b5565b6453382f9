// SPDX-License-Identifier: MIT
// Text formatting: parsing of the pattern and conversion of numbers.
#include "runtime/format.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace twofold::hyp {

namespace {

struct Specification {
    std::size_t width = 0;
    char fill = ' ';
    char type = '\0';
    bool prefix = false;
    bool left = false;
    bool right = false;
};

Specification parse(std::string_view text) {
    Specification spec;
    if (text.empty() || text.front() != ':')
        return spec;
    text.remove_prefix(1);
    for (const char c : text) {
        if (c == '#')
            spec.prefix = true;
        else if (c == '<')
            spec.left = true;
        else if (c == '>')
            spec.right = true;
        else if (c == '0' && spec.width == 0)
            spec.fill = '0';
        else if (c >= '0' && c <= '9')
            spec.width = spec.width * 10 + static_cast<std::size_t>(c - '0');
        else
            spec.type = c;
    }
    return spec;
}

void pad(TextSink& sink, char fill, std::size_t count) {
    for (; count > 0; --count)
        sink.put({&fill, 1});
}

void put_aligned(TextSink& sink, std::string_view text, const Specification& spec, bool right) {
    const std::size_t padding = spec.width > text.size() ? spec.width - text.size() : 0;
    if (right)
        pad(sink, ' ', padding);
    sink.put(text);
    if (!right)
        pad(sink, ' ', padding);
}

void put_number(TextSink& sink, std::uint64_t value, bool negative, const Specification& spec) {
    std::array<char, 24> digits{};
    std::size_t count = 0;
    const unsigned base = spec.type == 'x' ? 16 : 10;
    do {
        digits[digits.size() - ++count] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    const std::string_view body{digits.data() + digits.size() - count, count};
    const std::string_view sign = negative ? "-" : "";
    const std::string_view prefix = spec.prefix && base == 16 ? "0x" : "";
    const std::size_t used = sign.size() + prefix.size() + body.size();
    const std::size_t padding = spec.width > used ? spec.width - used : 0;
    if (spec.fill == ' ' && !spec.left)
        pad(sink, ' ', padding);
    sink.put(sign);
    sink.put(prefix);
    if (spec.fill == '0')
        pad(sink, '0', padding);
    sink.put(body);
    if (spec.fill == ' ' && spec.left)
        pad(sink, ' ', padding);
}

void put_argument(TextSink& sink, const FormatArgument& argument, const Specification& spec) {
    using Kind = FormatArgument::Kind;
    const char character = static_cast<char>(argument.number());
    switch (argument.kind()) {
    case Kind::boolean:
        put_aligned(sink, argument.number() != 0 ? "true" : "false", spec, spec.right);
        break;
    case Kind::character:
        put_aligned(sink, {&character, 1}, spec, spec.right);
        break;
    case Kind::text:
        put_aligned(sink, argument.text(), spec, spec.right);
        break;
    case Kind::unsigned_number:
        put_number(sink, argument.number(), false, spec);
        break;
    case Kind::signed_number: {
        const bool negative = static_cast<std::int64_t>(argument.number()) < 0;
        put_number(sink, negative ? 0 - argument.number() : argument.number(), negative, spec);
        break;
    }
    }
}

} // namespace

void BufferSink::put(std::string_view text) {
    const std::size_t count = std::min(text.size(), buffer_.size() - size_);
    std::memcpy(buffer_.data() + size_, text.data(), count);
    size_ += count;
}

void format_arguments(TextSink& sink, std::string_view pattern,
                      std::span<const FormatArgument> arguments) {
    std::size_t next = 0;
    while (!pattern.empty()) {
        const std::size_t brace = pattern.find_first_of("{}");
        if (brace == std::string_view::npos) {
            sink.put(pattern);
            return;
        }
        sink.put(pattern.substr(0, brace));
        const bool doubled = brace + 1 < pattern.size() && pattern[brace + 1] == pattern[brace];
        if (doubled || pattern[brace] == '}') {
            sink.put(pattern.substr(brace, 1));
            pattern.remove_prefix(brace + (doubled ? 2 : 1));
            continue;
        }
        const std::size_t end = pattern.find('}', brace);
        if (end == std::string_view::npos)
            return;
        if (next < arguments.size())
            put_argument(sink, arguments[next], parse(pattern.substr(brace + 1, end - brace - 1)));
        else
            sink.put("{?}");
        ++next;
        pattern.remove_prefix(end + 1);
    }
}

} // namespace twofold::hyp
