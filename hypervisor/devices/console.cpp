// SPDX-License-Identifier: MIT
// Who has the cursor, and what waits meanwhile.
#include "devices/console.hpp"

#include <algorithm>

namespace twofold::hyp {

bool ConsoleSpeaker::attach(Console& console, std::string_view name) {
    name_size_ = std::min(name.size(), longest_name);
    std::copy_n(name.begin(), name_size_, name_.begin());
    if (!console.add(*this))
        return false;
    console_ = &console;
    return true;
}

void ConsoleSpeaker::write(std::string_view text) {
    if (console_ != nullptr)
        console_->write(*this, text);
}

void Console::init(CharacterOutput& output, Clock clock, std::uint64_t patience) {
    const LockGuard guard{lock_};
    output_ = &output;
    clock_ = clock;
    patience_ = patience;
}

bool Console::add(ConsoleSpeaker& speaker) {
    const LockGuard guard{lock_};
    if (count_ == capacity)
        return false;
    speakers_[count_++] = &speaker;
    return true;
}

void Console::write(ConsoleSpeaker& speaker, std::string_view text) {
    const LockGuard guard{lock_};
    if (output_ == nullptr)
        return;
    for (const char character : text)
        take(speaker, character);
    give_cursor();
}

void Console::show_waiting() {
    const LockGuard guard{lock_};
    give_cursor();
}

void Console::write_unlocked(std::string_view text) {
    if (output_ != nullptr)
        emit(text);
}

void Console::take(ConsoleSpeaker& speaker, char character) {
    if (character == '\n') {
        speaker.carriage_return_ = false;
        end_line(speaker);
        return;
    }
    if (character == '\r') {
        speaker.carriage_return_ = true;
        return;
    }
    // "\r\n" is a newline; any other '\r' goes back to where the line begins.
    if (speaker.carriage_return_) {
        speaker.carriage_return_ = false;
        speaker.line_size_ = 0;
        if (cursor_ == &speaker) {
            emit("\r");
            draw(speaker);
        }
    }
    append(speaker, character);
}

void Console::append(ConsoleSpeaker& speaker, char character) {
    const bool full = speaker.line_size_ == speaker.line_.size();
    if (cursor_ == nullptr || (full && cursor_ != &speaker)) {
        if (cursor_ != nullptr)
            emit("\r\n");
        cursor_ = &speaker;
        draw(speaker);
    }
    // What has been shown need not be kept, except to draw it again.
    if (full)
        speaker.line_size_ = 0;
    speaker.line_[speaker.line_size_++] = character;
    if (cursor_ == &speaker) {
        emit({&character, 1});
        last_output_ = clock_();
    }
}

void Console::end_line(ConsoleSpeaker& speaker) {
    if (cursor_ == &speaker) {
        emit("\r\n");
        cursor_ = nullptr;
    } else {
        if (cursor_ != nullptr)
            emit("\r\n");
        draw(speaker);
        emit("\r\n");
        if (cursor_ != nullptr)
            draw(*cursor_);
    }
    speaker.line_size_ = 0;
}

void Console::draw(const ConsoleSpeaker& speaker) {
    if (speaker.name_size_ != 0) {
        emit("[");
        emit({speaker.name_.data(), speaker.name_size_});
        emit("] ");
    }
    emit({speaker.line_.data(), speaker.line_size_});
}

void Console::give_cursor() {
    ConsoleSpeaker* next = nullptr;
    bool more = false;
    for (std::size_t i = 0; i < count_; ++i) {
        ConsoleSpeaker& speaker = *speakers_[i];
        if (&speaker == cursor_ || speaker.line_size_ == 0)
            continue;
        more = next != nullptr;
        if (next == nullptr)
            next = &speaker;
    }
    if (next != nullptr && cursor_ != nullptr && clock_() - last_output_ < patience_) {
        waiting_.store(true, std::memory_order_relaxed);
        return;
    }
    waiting_.store(more, std::memory_order_relaxed);
    if (next == nullptr)
        return;
    if (cursor_ != nullptr) {
        // The quiet line has been seen and is not drawn again; what follows it begins a new one.
        emit("\r\n");
        cursor_->line_size_ = 0;
    }
    cursor_ = next;
    draw(*next);
    last_output_ = clock_();
}

void Console::emit(std::string_view text) {
    for (const char character : text)
        output_->put(character);
}

} // namespace twofold::hyp
