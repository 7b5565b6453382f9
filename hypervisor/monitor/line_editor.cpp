// SPDX-License-Identifier: MIT
// Keys.
#include "monitor/line_editor.hpp"

namespace twofold::hyp {

namespace {

constexpr char backspace = 0x08;
constexpr char rubout = 0x7f;
constexpr char kill_line = 0x15; // Ctrl-U

} // namespace

bool LineEditor::type(char character, CharacterOutput& echo) {
    switch (character) {
    case '\r':
    case '\n':
        echo.put('\n');
        return true;
    case backspace:
    case rubout:
        if (size_ != 0)
            take_back(echo);
        return false;
    case kill_line:
        while (size_ != 0)
            take_back(echo);
        return false;
    default:
        if (character >= ' ' && character <= '~' && size_ < longest) {
            line_[size_++] = character;
            echo.put(character);
        }
        return false;
    }
}

void LineEditor::take_back(CharacterOutput& echo) {
    --size_;
    for (const char c : {backspace, ' ', backspace})
        echo.put(c);
}

} // namespace twofold::hyp
