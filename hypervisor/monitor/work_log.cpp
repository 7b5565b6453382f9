// SPDX-License-Identifier: MIT
// Commands that change what the table notices and how large its leaves are: log, harvest, split,
// collapse, age, drop.
#include "monitor/words.hpp"
#include "monitor/work.hpp"

namespace twofold::hyp {

bool Work::step_log(bool on) {
    const auto set = ram_->memory().set_slot_flags(range().start, true, on);
    if (!set)
        return !again(set.error().rule);
    if (aloud_)
        say("{}", on ? "log on: the first write to each page is noticed" : "log off");
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
        say("harvest: {} pages were written, {}", count_,
            size_words(count_ * ram_->memory().geometry().page_size()).text());
    return true;
}

bool Work::step_split() {
    const std::uint64_t page = ram_->memory().geometry().page_size();
    std::expected<void, Error> result;
    ram_->memory().with_table([&](auto& table, Invalidation& owed) {
        result = table.split(range().start, range().length, page, owed, &progress_);
    });
    if (!result)
        return !again(result.error());
    if (progress_.next < range().end())
        return false;
    if (aloud_)
        say("split: pages of {}", size_words(page).text());
    return true;
}

bool Work::step_collapse() {
    std::expected<std::uint64_t, Error> made;
    ram_->memory().with_table([&](auto& table, Invalidation& owed) {
        made = table.collapse(range().start, range().length, owed, ~std::uint64_t{0}, &progress_);
    });
    if (!made)
        return !again(made.error());
    count_ += *made;
    if (progress_.next < range().end())
        return false;
    result_.number = count_;
    if (aloud_)
        say("collapse: {} blocks made", count_);
    return true;
}

bool Work::step_age() {
    std::expected<void, Error> result;
    ram_->memory().with_table([&](auto& table, Invalidation& owed) {
        result = table.test_and_clear_young(
            range().start, range().length,
            [&](Ipa, std::uint64_t size, std::uint64_t count) { count_ += size * count; }, &owed,
            &progress_);
    });
    if (!result)
        return !again(result.error());
    if (progress_.next < range().end())
        return false;
    result_.number = count_;
    if (aloud_)
        say("age: {} used since the last time", size_words(count_).text());
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
        say("drop: all is unmapped; it comes back when it is touched");
    return true;
}

} // namespace twofold::hyp
