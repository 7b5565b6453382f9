// SPDX-License-Identifier: MIT
// Whose turn it is.
#include "monitor/monitor.hpp"

#include "monitor/timer.hpp"

#include <algorithm>

namespace twofold::hyp {

namespace {

// Steps are made for this long, in microseconds, or one that takes longer; then it is the guest's
// turn for twice as long.
constexpr std::uint64_t turn = 50;
constexpr std::uint64_t guests_part = 2;
// At least this long.
constexpr std::uint64_t pause = 20;
// And this long before it is looked again whether a call of the guest is over.
constexpr std::uint64_t pause_for_caller = 1'000;
// A vCPU that does not come back for its result for so long has been switched off.
constexpr std::uint64_t caller_is_lost = 1'000'000;

} // namespace

bool Monitor::init(GuestRam& ram, KeyboardSeat& seat, Console& console, std::string_view name,
                   std::string_view script, bool calls) {
    ram_ = &ram;
    seat_ = &seat;
    script_text_ = script;
    calls_ = calls;
    work_.init(ram, speaker_);
    return speaker_.attach(console, name);
}

void Monitor::start() {
    while (!try_lock())
        cpu_relax();
    const bool anew = !running_;
    if (anew) {
        running_ = true;
        carried_out_ = false;
        script_due_ = ticks_now();
        script_.reset();
        if (!script_text_.empty())
            script_.emplace(script_text_);
    }
    unlock();
    if (anew)
        set_timer(script_due_);
}

void Monitor::stop() {
    while (!try_lock())
        cpu_relax();
    running_ = false;
    source_ = Source::nobody;
    caller_ = no_vcpu;
    unlock();
}

void Monitor::run() {
    stop_timer();
    if (!try_lock()) {
        set_timer(ticks_now() + ticks_of(pause));
        return;
    }
    if (running_)
        advance();
    unlock();
}

void Monitor::advance() {
    const std::uint64_t now = ticks_now();
    if (source_ == Source::nobody && !begin_next()) {
        if (script_)
            set_timer(script_due_);
        return;
    }
    // A guest does the steps of its call itself.
    const bool guests = source_ == Source::guest;
    if (guests && now - called_ > ticks_of(caller_is_lost))
        finish();
    else if (!guests)
        take_turn();
    const std::uint64_t then = ticks_now();
    set_timer(then +
              std::max(ticks_of(guests ? pause_for_caller : pause), guests_part * (then - now)));
}

void Monitor::take_turn() {
    const std::uint64_t end = ticks_now() + ticks_of(turn);
    do {
        if (work_.step()) {
            finish();
            return;
        }
    } while (ticks_now() < end);
}

bool Monitor::begin_next() {
    while (typed_) {
        const bool begun = begin(editor_.line(), Source::console);
        editor_.clear();
        typed_ = false;
        carried_out_ = begun;
        if (begun)
            return true;
        take_typed();
    }
    while (script_ && ticks_now() >= script_due_) {
        const auto statement = script_->next();
        if (!statement) {
            script_.reset();
            return false;
        }
        if (statement->command) {
            work_.begin(*statement->command, true);
            source_ = Source::script;
            return true;
        }
        script_due_ = ticks_now() + ticks_of(statement->microseconds);
    }
    return false;
}

bool Monitor::begin(std::string_view line, Source source) {
    std::string_view rest = line;
    if (take_word(rest).empty()) {
        prompt();
        return false;
    }
    const auto command = Command::parse(line);
    if (!command) {
        work_.say("{}", command.error());
        prompt();
        return false;
    }
    work_.begin(*command, true);
    source_ = source;
    return true;
}

void Monitor::finish() {
    const Source whose = source_;
    source_ = Source::nobody;
    if (whose == Source::guest)
        caller_ = no_vcpu;
    if (whose == Source::console) {
        carried_out_ = false;
        if (open_)
            prompt();
        take_typed();
    }
}

void Monitor::open() {
    open_ = true;
    speaker_.write("the monitor; Ctrl-D goes back to the guest, help lists the commands\n");
    prompt();
}

void Monitor::close() {
    open_ = false;
    if (!typed_)
        editor_.clear();
    speaker_.write("closed\n");
}

void Monitor::hand_over(bool open) {
    open_ = open;
    if (open)
        prompt();
}

void Monitor::type(char character) {
    if (ahead_size_ == ahead_.size())
        return; // lost, as its echo shows
    ahead_[ahead_size_++] = character;
    // While a line of the console is under way, what follows it waits, and is echoed behind it.
    if (typed_ || carried_out_)
        return;
    take_typed();
    if (typed_)
        set_timer(ticks_now());
}

void Monitor::take_typed() {
    std::size_t used = 0;
    while (used < ahead_size_ && !typed_) {
        typed_ = editor_.type(ahead_[used++], speaker_);
        if (!typed_)
            continue;
        // At once, so that what comes after it goes where it says.
        const std::string_view behind{ahead_.data() + used, ahead_size_ - used};
        if (const auto command = Command::parse(editor_.line());
            command && command->verb == Verb::guest) {
            if (pass_keyboard(command->text, behind))
                used = ahead_size_;
            editor_.clear();
            typed_ = false;
        }
    }
    std::copy(ahead_.begin() + used, ahead_.begin() + ahead_size_, ahead_.begin());
    ahead_size_ -= used;
}

// Whether somebody else has it now, and `behind` with it.
bool Monitor::pass_keyboard(std::string_view to, std::string_view behind) {
    if (to.empty()) {
        list_guests();
        prompt();
        return false;
    }
    switch (seat_->pass(to, behind)) {
    case KeyboardSeat::Passed::yes:
        return true;
    case KeyboardSeat::Passed::kept:
        work_.say("that is the guest whose monitor this is");
        break;
    case KeyboardSeat::Passed::gone:
        work_.say("that guest has ended");
        break;
    case KeyboardSeat::Passed::unknown:
        work_.say("there is no guest {}", to);
        list_guests();
        break;
    }
    prompt();
    return false;
}

void Monitor::list_guests() {
    unsigned number = 0;
    for (const KeyboardSeat* const seat : seat_->all())
        work_.say("guest {}: {}{}", number++, seat->name(),
                  seat == seat_      ? ", whose monitor this is"
                  : seat->is_taken() ? ""
                                     : ", has ended");
}

std::optional<Work::Result> Monitor::call(unsigned vcpu, Ipa ipa, std::uint64_t length) {
    if (!calls_)
        return Work::Result{.status = not_supported, .number = 0};
    if (!try_lock())
        return std::nullopt;
    std::optional<Work::Result> result;
    if (running_ && caller_ != vcpu)
        result = begin_call(vcpu, ipa, length);
    if (running_ && caller_ == vcpu) {
        called_ = ticks_now();
        if (work_.step()) {
            result = work_.result();
            finish();
        }
    }
    unlock();
    return result;
}

std::optional<Work::Result> Monitor::begin_call(unsigned vcpu, Ipa ipa, std::uint64_t length) {
    const auto line = read_line(ipa, length);
    const auto command = line ? Command::parse(*line) : std::unexpected(std::string_view{});
    if (!command || command->verb == Verb::guest)
        return Work::Result{.status = invalid_parameter, .number = 0};
    if (const auto known = work_.known(command->verb))
        return Work::Result{.status = 0, .number = *known};
    if (source_ == Source::nobody) {
        work_.begin(*command, false);
        source_ = Source::guest;
        caller_ = vcpu;
    }
    return std::nullopt;
}

// Word by word, as the guest's memory is looked at.
std::optional<std::string_view> Monitor::read_line(Ipa ipa, std::uint64_t length) {
    if (length > line_.size() || !ram_->contains(ipa) || length > ram_->range().end() - ipa)
        return std::nullopt;
    for (std::uint64_t i = 0; i < length; ++i) {
        const auto word = ram_->peek((ipa + i).align_down(8));
        if (!word)
            return std::nullopt;
        line_[i] = static_cast<char>(*word >> (8 * (ipa + i).offset_in(8)));
    }
    return std::string_view{line_.data(), length};
}

} // namespace twofold::hyp
