// SPDX-License-Identifier: MIT
// Reading and obeying of commands.
#include "commands.hpp"

#include "console.hpp"
#include "host_kernel.hpp"
#include "options.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <tuple>
#include <vector>

namespace twofold::vmm {

void Commands::follow() {
    using Clock = std::chrono::steady_clock;
    std::string line;
    std::uint64_t written = cpu_->written();
    auto last = Clock::now();
    bool told = false;
    for (;;) {
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        const int ready = poll(&input, 1, 250);
        if (ready > 0) {
            char character = 0;
            if (read(STDIN_FILENO, &character, 1) <= 0)
                return;
            if (character != '\n') {
                line += character;
            } else {
                obey(line);
                line.clear();
            }
            continue;
        }
        if (const std::uint64_t now = cpu_->written(); now != written) {
            written = now;
            last = Clock::now();
            told = false;
        } else if (!told && Clock::now() - last > watchdog_) {
            say("VMM: the guest has said nothing for " + std::to_string(watchdog_.count()) + " s");
            tell_where();
            told = true;
        }
    }
}

void Commands::obey(const std::string& line) {
    std::vector<std::string> words = split(line, ' ');
    words.resize(3);
    const auto& [name, first, second] = std::tie(words[0], words[1], words[2]);
    if (name == "frames") {
        tell_frames();
    } else if (name == "tables") {
        tell_tables();
    } else if (name == "where") {
        tell_where();
    } else if (name == "forget") {
        forget(first, second);
    } else if (name == "log") {
        machine_->log_writes(first == "on");
        say("VMM: writes are " + std::string{first == "on" ? "logged" : "not logged any more"});
    } else if (name == "harvest") {
        say("VMM: " + std::to_string(machine_->harvest()) + " pages written");
    } else if (name == "pause") {
        cpu_->pause();
        say("VMM: the guest is paused");
    } else if (name == "resume") {
        cpu_->resume();
        say("VMM: the guest goes on");
    } else if (name == "end") {
        say("VMM: ends");
        std::_Exit(0);
    } else if (!name.empty()) {
        say("VMM: expected frames, tables, where, forget, log, harvest, pause, resume or end, "
            "not " +
            line);
    }
}

void Commands::tell_frames() const {
    for (const Memory& memory : machine_->memory()) {
        for (const FrameRun& run : memory.frames())
            say("VMM: frames " + hex(run.ipa) + ' ' + hex(run.size) + ' ' + hex(run.pa));
    }
    say("VMM: frames told");
}

void Commands::tell_tables() const {
    if (const auto dump = table_dump(machine_->vm())) {
        for (const std::string& line : split(*dump, '\n'))
            say("VMM: dump " + line);
    }
    say("VMM: tables of " + std::to_string(table_bytes()) + " bytes");
}

void Commands::tell_where() {
    constexpr int looks = 3;
    for (int i = 1; i <= looks; ++i) {
        if (i != 1)
            std::this_thread::sleep_for(std::chrono::seconds{1});
        const std::uint64_t pc = cpu_->where();
        say("VMM: the guest is at " + hex(pc) + " and was left " + std::to_string(cpu_->exits()) +
            " times, look " + std::to_string(i) + " of " + std::to_string(looks));
    }
}

void Commands::forget(const std::string& ipa, const std::string& size) const {
    std::uint64_t at = 0;
    std::uint64_t bytes = 0;
    const Memory* const memory = parse_number(ipa, at) ? machine_->memory_at(at) : nullptr;
    if (memory == nullptr || !parse_number(size, bytes) || bytes == 0 ||
        !memory->contains(at + bytes - 1)) {
        say("VMM: forget: expected an address and a size in the guest's memory");
        return;
    }
    memory->forget(at, bytes);
    say("VMM: " + hex(at) + " forgotten");
}

} // namespace twofold::vmm
