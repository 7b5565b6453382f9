// SPDX-License-Identifier: MIT
// Guests: all guests of the machine. Each has physical CPUs of its own, one after the other, and
// ends by itself; with the last one ends the machine.
#pragma once

#include "boot/boot_tree.hpp"
#include "devices/keyboard.hpp"
#include "guest/guest.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <expected>
#include <span>
#include <string_view>

namespace twofold::hyp {

class Guests final : public KeyboardInterrupt {
public:
    constexpr Guests() = default;

    // What keeps a guest from being made.
    struct Trouble {
        std::string_view guest;
        std::string_view reason;
    };
    // On the boot CPU, when all others are there.
    std::expected<void, Trouble> init(const MachineParts& parts, const BootModules& modules);
    // Wakes their CPUs and begins.
    void start();

    std::span<Guest> all() { return std::span{guests_}.first(count_); }

    // A guest has ended for good, with its line on the console. Returns while others go on;
    // otherwise writes the report and stops the machine.
    void one_has_ended();

    void route(unsigned cpu) override;
    void raise() override;

private:
    std::expected<void, std::string_view> init_guest(std::size_t number, unsigned first_cpu,
                                                     const GuestModules& modules);
    [[noreturn]] void stop();

    MachineParts parts_;
    Keyboard keyboard_;
    std::array<Guest, most_guests> guests_;
    std::size_t count_ = 0;
    std::atomic<std::size_t> ended_{0};
    // "monitor NAME", where there is more than one.
    std::array<std::array<char, ConsoleSpeaker::longest_name>, most_guests> monitor_names_{};
    // With ".1" and so on behind them for the others.
    std::array<std::array<char, sizeof(Configuration::trace_path) + 2>, most_guests> trace_paths_{};
};

} // namespace twofold::hyp
