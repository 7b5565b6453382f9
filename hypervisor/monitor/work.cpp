// SPDX-License-Identifier: MIT
// Beginning and end of a command.
#include "monitor/work.hpp"

#include "monitor/words.hpp"
#include "trace/trace_buffer.hpp"

#include <algorithm>

namespace twofold::hyp {

void Work::begin(const Command& command, bool aloud) {
    command_ = command;
    aloud_ = aloud;
    result_ = {};
    progress_ = {};
    count_ = 0;
    looked_ = 0;
    lines_ = 0;
    tries_ = 0;
    run_.reset();
    by_level_ = {};
    counts_.commands += aloud ? 1 : 0;
    // Its text is there during this call only.
    if (command.verb == Verb::echo) {
        std::string_view text = command.text;
        std::array<char, 160> words{};
        BufferSink sink{words};
        for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
            sink.put(sink.text().empty() ? "" : " ");
            sink.put(word);
        }
        say("{}", sink.text());
    }
    command_.text = {};
}

bool Work::step() {
    if constexpr (traced_build) {
        if (TraceBuffer* const trace = this_cpu().trace; trace != nullptr)
            return step_traced(*trace);
    }
    const bool over = step_once();
    ram_->settled();
    return over;
}

bool Work::step_traced(TraceBuffer& trace) {
    TraceRecord record{.begin = trace_time(), .kind = TraceKind::work};
    const bool over = step_once();
    ram_->settled();
    const auto form = std::ranges::find(command_forms(), command_.verb, &CommandForm::verb);
    const Words name{"{}{}{}", form->first, form->second.empty() ? "" : " ", form->second};
    record.set(TraceRecord::Work::of(name.text()));
    trace.put(record);
    return over;
}

bool Work::step_once() {
    progress_.budget = entries_per_step;
    switch (command_.verb) {
    case Verb::help:
        return step_help();
    case Verb::slots:
        return step_slots();
    case Verb::map:
        return step_map();
    case Verb::sizes:
        return step_sizes();
    case Verb::reasons:
        return step_reasons();
    case Verb::faults:
    case Verb::commands:
        result_.number = known(command_.verb).value_or(0);
        say("{} until now", result_.number);
        return true;
    case Verb::log_on:
        return step_log(true);
    case Verb::log_off:
        return step_log(false);
    case Verb::harvest:
        return step_harvest();
    case Verb::split:
        return step_split();
    case Verb::collapse:
        return step_collapse();
    case Verb::age:
        return step_age();
    case Verb::drop:
        return step_drop();
    case Verb::echo:
        return true;
    case Verb::balloon:
        return step_balloon();
    case Verb::migrate:
        return step_migrate();
    case Verb::migrate_at:
        return step_migrate_at();
    }
    return true;
}

bool Work::fail(std::string_view why) {
    say("failed: {}", why);
    result_.status = failed;
    return true;
}

bool Work::again(Error error) {
    if (error == Error::again && ++tries_ < patience)
        return true;
    fail(to_string(error));
    return false;
}

} // namespace twofold::hyp
