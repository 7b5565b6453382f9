// SPDX-License-Identifier: MIT
// A scanner for the few elements that matter.
#include "tools/attach/target_description.hpp"

#include <charconv>

namespace twofold::tool {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The value of an attribute in the text of a tag, without its brackets.
std::optional<std::string_view> attribute(std::string_view tag, std::string_view name) {
    std::size_t at = 0;
    while (at < tag.size()) {
        const std::size_t equals = tag.find('=', at);
        if (equals == std::string_view::npos || equals + 1 >= tag.size()) {
            return std::nullopt;
        }
        const char quote = tag[equals + 1];
        const std::size_t end =
            quote == '"' || quote == '\'' ? tag.find(quote, equals + 2) : std::string_view::npos;
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        std::size_t start = equals;
        while (start > at && !is_space(tag[start - 1])) {
            --start;
        }
        if (tag.substr(start, equals - start) == name) {
            return tag.substr(equals + 2, end - equals - 2);
        }
        at = end + 1;
    }
    return std::nullopt;
}

std::optional<unsigned> decimal(std::optional<std::string_view> text) {
    unsigned value = 0;
    if (!text) {
        return std::nullopt;
    }
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, value);
    return error == std::errc{} && rest == end ? std::optional{value} : std::nullopt;
}

bool is_tag(std::string_view tag, std::string_view name) {
    return tag.starts_with(name) &&
           (tag.size() == name.size() || is_space(tag[name.size()]) || tag[name.size()] == '/');
}

// QEMU's own file names; what else there is could be no packet.
bool is_file_name(std::string_view name) {
    return !name.empty() && name.size() <= 100 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.") == std::string_view::npos;
}

} // namespace

void TargetDescription::add_register(std::string_view tag) {
    // Within reach of a packet, and of 32 bits however many follow.
    constexpr unsigned highest = 1U << 24;
    if (const auto given = decimal(attribute(tag, "regnum"))) {
        next_ = *given;
    }
    const auto name = attribute(tag, "name");
    if (name && next_ <= highest && decimal(attribute(tag, "bitsize")) == 64 &&
        numbers_.size() < most_registers) {
        numbers_.try_emplace(std::string{*name}, static_cast<unsigned>(next_));
    }
    ++next_;
}

std::vector<std::string> TargetDescription::add(std::string_view text) {
    std::vector<std::string> included;
    std::size_t at = 0;
    while ((at = text.find('<', at)) != std::string_view::npos) {
        if (text.substr(at).starts_with("<!--")) {
            const std::size_t end = text.find("-->", at);
            if (end == std::string_view::npos) {
                break;
            }
            at = end + 3;
            continue;
        }
        const std::size_t end = text.find('>', at);
        if (end == std::string_view::npos) {
            break;
        }
        const std::string_view tag = text.substr(at + 1, end - at - 1);
        if (is_tag(tag, "reg")) {
            add_register(tag);
        } else if (is_tag(tag, "xi:include")) {
            if (const auto name = attribute(tag, "href"); name && is_file_name(*name)) {
                included.emplace_back(*name);
            }
        }
        at = end + 1;
    }
    return included;
}

std::optional<unsigned> TargetDescription::number(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? std::nullopt : std::optional{found->second};
}

} // namespace twofold::tool
