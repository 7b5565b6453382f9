// SPDX-License-Identifier: MIT
// LineEditor: a line as it is typed, with its echo.
#pragma once

#include "devices/character.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace twofold::hyp {

class LineEditor {
public:
    static constexpr std::size_t longest = 120;

    constexpr LineEditor() = default;

    // True: Enter was pressed, and line() is complete. Backspace and Ctrl-U take back.
    bool type(char character, CharacterOutput& echo);

    std::string_view line() const { return {line_.data(), size_}; }
    void clear() { size_ = 0; }

private:
    void take_back(CharacterOutput& echo);

    std::array<char, longest> line_{};
    std::size_t size_ = 0;
};

} // namespace twofold::hyp
