// SPDX-License-Identifier: MIT
// The str* functions that libfdt calls.
#include <cstddef>

#pragma GCC optimize("no-tree-loop-distribute-patterns")

namespace {

// The value of a digit in any base, 36 for what is none.
unsigned digit_of(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'z')
        return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'Z')
        return static_cast<unsigned>(c - 'A') + 10;
    return 36;
}

} // namespace

extern "C" {

std::size_t strnlen(const char* text, std::size_t limit) {
    std::size_t length = 0;
    while (length < limit && text[length] != '\0')
        ++length;
    return length;
}

std::size_t strlen(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0')
        ++length;
    return length;
}

char* strchr(const char* text, int value) {
    for (;; ++text) {
        if (*text == static_cast<char>(value))
            return const_cast<char*>(text);
        if (*text == '\0')
            return nullptr;
    }
}

char* strrchr(const char* text, int value) {
    char* found = nullptr;
    for (;; ++text) {
        if (*text == static_cast<char>(value))
            found = const_cast<char*>(text);
        if (*text == '\0')
            return found;
    }
}

unsigned long strtoul(const char* text, char** end, int base) {
    const char* at = text;
    while (*at == ' ' || *at == '\t')
        ++at;
    const bool hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && digit_of(at[2]) < 16;
    if ((base == 0 || base == 16) && hex) {
        base = 16;
        at += 2;
    } else if (base == 0) {
        base = *at == '0' ? 8 : 10;
    }
    unsigned long value = 0;
    const char* const first = at;
    for (; digit_of(*at) < static_cast<unsigned>(base); ++at)
        value = value * static_cast<unsigned long>(base) + digit_of(*at);
    if (end != nullptr)
        *end = const_cast<char*>(at == first ? text : at);
    return value;
}

} // extern "C"
