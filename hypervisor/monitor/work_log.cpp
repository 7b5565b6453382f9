// SPDX-License-Identifier: MIT
// Commands that change what the table notices and how large its leaves are: log, harvest, split,
// collapse, age, drop.
#include "monitor/words.hpp"
#include "monitor/work.hpp"

#include <twofold/vm/ageing.hpp>

#include <algorithm>

namespace twofold::hyp {

bool Work::step_log(bool on) {
    const auto set = ram_->memory().set_slot_flags(range().start, true, on, &progress_);
    if (!set)
        return !again(set.error().rule);
    if (progress_.next < range().end())
        return false;
    if (aloud_)
        say("{}", on ? "log on: the first write to each page is noticed from now on"
                     : "log off: writes are not noticed any more");
    return true;
}

bool Work::step_harvest() {
    progress_.budget = words_per_step;
    const auto pages = ram_->memory().harvest_dirty(
        range().start, [](Ipa, std::uint64_t) {}, progress_);
    if (!pages)
        return !again(pages.error().rule);
    count_ += *pages;
    counts_.harvested_pages += *pages;
    if (progress_.next < range().end())
        return false;
    result_.number = count_;
    if (aloud_)
        say("harvest: {} written since the last one, {}", counted(count_, "page").text(),
            amount_words(count_ * page_size()).text());
    return true;
}

bool Work::step_split() {
    const auto split = ram_->memory().split_blocks(range().start, chunk_per_step, progress_);
    if (!split)
        return !again(split.error().rule);
    if (progress_.next < range().end())
        return false;
    if (aloud_)
        say("split: all that is mapped is in pages of {}", size_words(page_size()).text());
    return true;
}

bool Work::step_collapse() {
    GuestRam::Memory& memory = ram_->memory();
    const std::uint64_t before = memory.counters().blocks_restored.value();
    const auto restored = memory.restore_blocks(ram_->context(), range().start, progress_);
    const std::uint64_t made = memory.counters().blocks_restored.value() - before;
    count_ += made;
    counts_.restored_blocks += made;
    if (!restored)
        return !again(restored.error().rule);
    if (progress_.next < range().end())
        return false;
    result_.number = count_;
    if (aloud_)
        say("collapse: {} made of smaller mappings", counted(count_, "block").text());
    return true;
}

bool Work::step_age() {
    IdleMap& idle = ram_->idle();
    std::expected<void, Error> result;
    ram_->memory().with_table([&](auto& table, Invalidation& owed) {
        result = age(table, range(), idle, &owed, progress_);
    });
    if (!result)
        return !again(result.error());
    if (progress_.next < range().end())
        return false;
    const IdleHistogram& bytes = idle.histogram();
    result_.number = bytes.of_class(0);
    if (!aloud_)
        return true;
    say("age: {} used since the last time, {} not mapped", amount_words(bytes.of_class(0)).text(),
        amount_words(bytes.unmapped()).text());
    for (std::size_t i = 1; i < IdleHistogram::classes; ++i) {
        if (bytes.of_class(i) != 0)
            say("  not used for {}{}: {}", counted(IdleHistogram::first_age(i), "call").text(),
                IdleHistogram::first_age(i) > 1 ? " or more" : "",
                amount_words(bytes.of_class(i)).text());
    }
    return true;
}

bool Work::step_drop() {
    // A part that no block of a usual table reaches beyond, so that none has to be divided.
    const Ipa start = std::max(progress_.next, range().start);
    const Ipa end = std::min((start + 1).align_up(GiB), range().end());
    const auto dropped = ram_->memory().withdraw({.start = start, .length = end - start});
    if (!dropped)
        return !again(dropped.error());
    progress_.next = end;
    if (end < range().end())
        return false;
    if (aloud_)
        say("drop: nothing is mapped any more; it comes back as it is touched");
    return true;
}

} // namespace twofold::hyp
