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
    std::uint64_t commands = 0; // but for those of the guest
    std::uint64_t harvested_pages = 0;
    std::uint64_t restored_blocks = 0;
    std::uint64_t ballooned_pages = 0;
    std::uint64_t moved_pages = 0;
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

    // What can be told at once, beside a command that is under way.
    std::optional<std::uint64_t> known(Verb verb);

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
    static constexpr std::uint64_t chunk_per_step = 2 * MiB; // what pages are made of
    static constexpr unsigned pages_per_step = 16;           // that are taken or moved
    static constexpr unsigned looks_per_step = 128;          // for one that can be
    static constexpr unsigned lines_at_most = 48;            // of a map
    static constexpr unsigned patience = 10'000; // steps in a row that somebody else prevents

    bool step_once();
    bool step_traced(TraceBuffer& trace);
    bool fail(std::string_view why);
    // Whether a step that ended so is to be tried again; if not, the command has failed.
    bool again(Error error);

    bool step_help();
    bool step_slots();
    bool step_map();
    bool step_sizes();
    bool step_reasons();
    bool step_log(bool on);
    bool step_harvest();
    bool step_split();
    bool step_collapse();
    bool step_age();
    bool step_drop();
    bool step_balloon();
    bool step_migrate();
    bool step_migrate_at();

    enum class Took : std::uint8_t { yes, no, later };
    // Runs change() while nobody can reach the page at this offset of the memory.
    template <typename Change>
    Took with_page_withdrawn(std::uint64_t offset, Change&& change);
    Took move_page(std::uint64_t offset);
    std::uint64_t random_page();

    IpaSpan range() const { return ram_->range(); }
    std::uint64_t page_size() const { return ram_->memory().geometry().page_size(); }

    GuestRam* ram_ = nullptr;
    ConsoleSpeaker* speaker_ = nullptr;
    WorkCounts counts_;

    Command command_;
    bool aloud_ = true;
    Result result_;
    Progress progress_;
    std::uint64_t count_ = 0;
    unsigned lines_ = 0;
    unsigned tries_ = 0;
    std::optional<Mapping> run_;
    std::array<std::uint64_t, page_level + 1> by_level_{}; // bytes
    std::uint64_t looked_ = 0;                             // pages, or tries

    // From one command to the next.
    std::uint64_t balloon_at_ = 0; // offset in the memory
    std::uint64_t random_ = 0x9e37'79b9'7f4a'7c15;
};

} // namespace twofold::hyp
