// SPDX-License-Identifier: MIT
// Work: one command of the monitor under way, in steps that a guest hardly notices.
#pragma once

#include "devices/console.hpp"
#include "guest/guest_ram.hpp"
#include "monitor/command.hpp"
#include "runtime/format.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold::hyp {

// What all commands together have done, for the report.
struct WorkCounts {
    std::uint64_t commands = 0;
    std::uint64_t harvested_pages = 0;
};

class Work {
public:
    // What a command that is over has to say: 0, or a negative number; and a count.
    struct Result {
        std::int64_t status = 0;
        std::uint64_t number = 0;
    };
    static constexpr std::int64_t failed = -4;

    constexpr Work() = default;

    void init(GuestRam& ram, ConsoleSpeaker& speaker) {
        ram_ = &ram;
        speaker_ = &speaker;
    }

    // `aloud`: counts are printed, too, and not only returned.
    void begin(const Command& command, bool aloud);
    // Does a part of it; true: that was the last. About `entries_per_step` descriptors or so many
    // words of a bitmap, or one line. The guest's registers are on this CPU.
    bool step();
    const Result& result() const { return result_; }
    const WorkCounts& counts() const { return counts_; }

    template <typename... Arguments>
    void say(std::string_view pattern, const Arguments&... arguments) {
        std::array<char, 200> buffer{};
        BufferSink sink{buffer};
        format_to(sink, pattern, arguments...);
        sink.put("\n");
        speaker_->write(sink.text());
    }

private:
    static constexpr std::uint64_t entries_per_step = 512;
    static constexpr std::uint64_t words_per_step = 64;
    static constexpr unsigned lines_at_most = 48; // of a map
    static constexpr unsigned patience = 10'000;  // steps in a row that somebody else prevents

    bool step_once();
    bool fail(std::string_view why);
    // Whether a step that ended so is to be tried again; if not, the command has failed.
    bool again(Error error);

    bool step_help();
    bool step_slots();
    bool step_map();
    bool step_reasons();
    bool step_log(bool on);
    bool step_harvest();
    bool step_split();
    bool step_collapse();
    bool step_age();
    bool step_drop();

    IpaSpan range() const { return ram_->range(); }

    GuestRam* ram_ = nullptr;
    ConsoleSpeaker* speaker_ = nullptr;
    WorkCounts counts_;

    Command command_;
    bool aloud_ = true;
    Result result_;
    Progress progress_;
    std::uint64_t count_ = 0;
    std::uint64_t other_count_ = 0;
    unsigned lines_ = 0;
    unsigned tries_ = 0;
    std::optional<Mapping> run_;
};

} // namespace twofold::hyp
