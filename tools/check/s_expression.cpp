// SPDX-License-Identifier: MIT
// Parsing of s-expressions, two levels deep.
#include "tools/check/s_expression.hpp"

#include "tools/text/number.hpp"

#include <algorithm>

namespace twofold::tool {

namespace {

constexpr std::string_view space = " \t\r\n";

class Tokens {
public:
    explicit Tokens(std::string_view text) : rest_{text} {}

    // A parenthesis, a word, or a text without its quotes; empty at the end and for a text that
    // does not end.
    std::optional<std::string_view> next() {
        skip_space();
        if (rest_.empty()) {
            return std::nullopt;
        }
        if (rest_.front() == '(' || rest_.front() == ')') {
            return take(1);
        }
        if (rest_.front() == '"') {
            const std::size_t end = rest_.find('"', 1);
            if (end == std::string_view::npos) {
                return std::nullopt;
            }
            const std::string_view text = take(end + 1);
            return text.substr(1, text.size() - 2);
        }
        return take(std::min(rest_.find_first_of(" \t\r\n()\""), rest_.size()));
    }
    bool at_end() {
        skip_space();
        return rest_.empty();
    }
    bool at(char c) {
        skip_space();
        return !rest_.empty() && rest_.front() == c;
    }

private:
    void skip_space() {
        const std::size_t start = rest_.find_first_not_of(space);
        rest_.remove_prefix(std::min(start, rest_.size()));
    }
    std::string_view take(std::size_t count) {
        const std::string_view token = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return token;
    }

    std::string_view rest_;
};

// What stands between two parentheses; the first has been read.
bool parse_field(Tokens& tokens, SExpression& result) {
    std::vector<std::string> words;
    while (!tokens.at(')')) {
        const auto word = tokens.at('(') ? std::nullopt : tokens.next();
        if (!word || words.size() == 2) {
            return false;
        }
        words.emplace_back(*word);
    }
    tokens.next();
    if (words.size() != 2) {
        return false;
    }
    result.fields.emplace_back(std::move(words[0]), std::move(words[1]));
    return true;
}

} // namespace

std::string_view SExpression::field(std::string_view key) const {
    const auto found = std::ranges::find(fields, key, &std::pair<std::string, std::string>::first);
    return found == fields.end() ? std::string_view{} : std::string_view{found->second};
}

std::optional<std::uint64_t> SExpression::number(std::string_view key) const {
    std::string text{field(key)};
    if (text.starts_with("#x")) {
        text[0] = '0';
    }
    return text.empty() || text.find(' ') != std::string::npos ? std::nullopt : parse_number(text);
}

bool SExpression::has_atom(std::string_view atom) const {
    return std::ranges::find(atoms, atom) != atoms.end();
}

std::optional<SExpression> SExpression::parse(std::string_view text) {
    Tokens tokens{text};
    SExpression result;
    if (tokens.next() != "(" || tokens.at('(') || tokens.at(')')) {
        return std::nullopt;
    }
    const auto name = tokens.next();
    if (!name) {
        return std::nullopt;
    }
    result.name = *name;
    while (!tokens.at(')')) {
        const bool is_field = tokens.at('(');
        const auto token = tokens.next();
        if (!token || (is_field && !parse_field(tokens, result))) {
            return std::nullopt;
        }
        if (!is_field) {
            result.atoms.emplace_back(*token);
        }
    }
    tokens.next();
    return tokens.at_end() ? std::optional{result} : std::nullopt;
}

} // namespace twofold::tool
