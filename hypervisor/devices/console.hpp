// SPDX-License-Identifier: MIT
// Console: several speakers share one UART. Each line begins with its speaker's name, lines never
// tear, and a line without an end (a prompt) is shown at once.
//
// One speaker has the cursor: its characters go out as they come. What the others say meanwhile
// waits for its newline; then the open line is broken off, the complete line goes in between, and
// the open line is drawn again. An open line that has been quiet for a while gives up the cursor.
#pragma once

#include "cpu/spinlock.hpp"
#include "devices/character.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold::hyp {

class Console;

// One speaker. It lives as long as the console.
class ConsoleSpeaker final : public CharacterOutput {
public:
    static constexpr std::size_t longest_name = 30;

    constexpr ConsoleSpeaker() = default;
    ConsoleSpeaker(const ConsoleSpeaker&) = delete;
    ConsoleSpeaker& operator=(const ConsoleSpeaker&) = delete;

    // Lines begin with "[name] "; an empty name gives bare lines. False when the console is full.
    bool attach(Console& console, std::string_view name);
    // Each call is one piece: nothing comes between its characters.
    void write(std::string_view text);
    void put(char character) override { write({&character, 1}); }

private:
    friend class Console;

    Console* console_ = nullptr;
    std::array<char, longest_name> name_{};
    std::size_t name_size_ = 0;
    // The line so far, or the last part of a long one.
    std::array<char, 256> line_{};
    std::size_t line_size_ = 0;
    bool carriage_return_ = false; // a '\r' waits for what follows it
};

class Console {
public:
    static constexpr std::size_t capacity = 9; // four guests, their monitors, the hypervisor
    using Clock = std::uint64_t (*)();

    constexpr Console() = default;

    // `clock` counts, `patience` is the number of ticks after which an open line counts as quiet
    // (20 ms is good). Before init() everything written is dropped.
    void init(CharacterOutput& output, Clock clock, std::uint64_t patience);

    // Shows what is still waiting when the speaker with the cursor has become quiet. Cheap; call it
    // at any exit of a guest.
    void poll() {
        if (waiting_.load(std::memory_order_relaxed)) [[unlikely]]
            show_waiting();
    }

    // For a fatal error: takes no lock and may tear lines.
    void write_unlocked(std::string_view text);

private:
    friend class ConsoleSpeaker;

    bool add(ConsoleSpeaker& speaker);
    void write(ConsoleSpeaker& speaker, std::string_view text);
    void take(ConsoleSpeaker& speaker, char character);
    void append(ConsoleSpeaker& speaker, char character);
    void end_line(ConsoleSpeaker& speaker);
    void show_waiting();
    void give_cursor();
    void draw(const ConsoleSpeaker& speaker);
    void emit(std::string_view text);

    Spinlock lock_;
    CharacterOutput* output_ = nullptr;
    Clock clock_ = nullptr;
    std::uint64_t patience_ = 0;
    std::uint64_t last_output_ = 0;
    std::array<ConsoleSpeaker*, capacity> speakers_{};
    std::size_t count_ = 0;
    ConsoleSpeaker* cursor_ = nullptr; // whose line is open on the output
    std::atomic<bool> waiting_{false}; // some speaker has a line that is not shown
};

} // namespace twofold::hyp
