// SPDX-License-Identifier: MIT
// Monitor: takes commands from the console, from a script and from the guest itself, one at a time,
// and carries them out in steps while the guest runs. Each guest has its own.
//
// What comes from the console and the script is done on the guest's first CPU, a step at each
// interrupt of its EL2 timer. A guest that calls does the steps itself: its HVC is repeated until
// the command is over, and its interrupts come in between. Nobody waits for a step of another CPU.
#pragma once

#include "devices/console_input.hpp"
#include "devices/keyboard.hpp"
#include "monitor/line_editor.hpp"
#include "monitor/script.hpp"
#include "monitor/work.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold::hyp {

class Monitor final : public EscapedInput {
public:
    constexpr Monitor() = default;

    // False: the console has no place for it. Its lines begin with `name`; `script` has no mistake.
    bool init(GuestRam& ram, KeyboardSeat& seat, Console& console, std::string_view name,
              std::string_view script, bool calls);

    // The guest runs from now on, and the script with it; nothing if it did already. On the first
    // CPU.
    void start();
    // No step is under way any more, nor will be before start().
    void stop();

    // On the first CPU, when its timer says so; between memory().enter() and leave().
    void run();

    // From the console, on the first CPU.
    void open() override;
    void type(char character) override;
    void close() override;
    void hand_over(bool open) override;

    // A call of vCPU `vcpu` with a command line of `length` bytes at `ipa`. Empty: the call has to
    // be made again for the next step.
    std::optional<Work::Result> call(unsigned vcpu, Ipa ipa, std::uint64_t length);

    const WorkCounts& counts() const { return work_.counts(); }

private:
    enum class Source : std::uint8_t { nobody, console, script, guest };
    static constexpr std::int64_t not_supported = -1;
    static constexpr std::int64_t invalid_parameter = -3;
    static constexpr unsigned no_vcpu = ~0U;

    bool try_lock() { return !busy_.exchange(true, std::memory_order_acquire); }
    void unlock() { busy_.store(false, std::memory_order_release); }

    void advance();
    void take_turn();
    void take_typed();
    bool begin_next();
    bool pass_keyboard(std::string_view to, std::string_view behind);
    void list_guests();
    bool begin(std::string_view line, Source source);
    void finish();
    void prompt() { speaker_.write("> "); }
    std::optional<std::string_view> read_line(Ipa ipa, std::uint64_t length);
    std::optional<Work::Result> begin_call(unsigned vcpu, Ipa ipa, std::uint64_t length);

    ConsoleSpeaker speaker_;
    std::atomic<bool> busy_{false}; // a step is under way; around all that follows
    bool running_ = false;          // between start() and stop()
    Work work_;
    Source source_ = Source::nobody; // whose command that is

    std::string_view script_text_;
    std::optional<Script> script_;
    std::uint64_t script_due_ = 0; // ticks

    bool calls_ = false;
    unsigned caller_ = no_vcpu; // until it has fetched its result
    std::uint64_t called_ = 0;  // ticks, when it was last here
    GuestRam* ram_ = nullptr;
    KeyboardSeat* seat_ = nullptr;
    std::array<char, LineEditor::longest> line_{};

    // Of the first CPU alone.
    LineEditor editor_;
    bool carried_out_ = false;      // a command of the console is under way
    bool typed_ = false;            // a complete line waits in the editor
    std::array<char, 256> ahead_{}; // and these behind it
    std::size_t ahead_size_ = 0;
    std::atomic<bool> open_{false}; // but for this: it comes with the keyboard
};

} // namespace twofold::hyp
