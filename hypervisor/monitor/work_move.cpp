// SPDX-License-Identifier: MIT
// Commands that take memory away from under a running guest: balloon, migrate.
#include "monitor/words.hpp"
#include "monitor/work.hpp"

namespace twofold::hyp {

template <typename Change>
Work::Took Work::with_page_withdrawn(std::uint64_t offset, Change&& change) {
    const IpaSpan page{.start = range().start + align_down(offset, page_size()),
                       .length = page_size()};
    const auto begun = ram_->memory().invalidate_begin(page);
    if (!begun)
        return again(begun.error()) ? Took::later : Took::no;
    const bool changed = change();
    ram_->memory().invalidate_end(page);
    return changed ? Took::yes : Took::no;
}

Work::Took Work::move_page(std::uint64_t offset) {
    const Took took = with_page_withdrawn(offset, [&] { return ram_->backing().move(offset); });
    if (took == Took::yes) {
        ++count_;
        ++counts_.moved_pages;
    }
    return took;
}

// Goes round the memory, from one call to the next. A page is looked at while the guest uses it,
// and only if it seems worth it, taken away from it and looked at again.
bool Work::step_balloon() {
    const std::uint64_t pages = range().length / page_size();
    RamBacking& backing = ram_->backing();
    unsigned taken = 0;
    for (unsigned i = 0; i < looks_per_step && taken < pages_per_step; ++i) {
        if (count_ == *command_.number || looked_ == pages)
            break;
        if (backing.looks_zero(balloon_at_)) {
            const Took took = with_page_withdrawn(
                balloon_at_, [&] { return backing.take_back_zeroes(balloon_at_); });
            if (took == Took::later)
                return false;
            if (took == Took::yes) {
                ++count_;
                ++counts_.ballooned_pages;
            }
            ++taken;
        }
        balloon_at_ = (balloon_at_ + page_size()) % range().length;
        ++looked_;
    }
    if (count_ != *command_.number && looked_ != pages)
        return false;
    result_.number = count_;
    if (aloud_)
        say("balloon: {} of zeroes taken back, the guest has {}", counted(count_, "page").text(),
            amount_words(backing.bytes_in_use()).text());
    return true;
}

// xorshift64
std::uint64_t Work::random_page() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_ % (range().length / page_size()) * page_size();
}

bool Work::step_migrate() {
    // Where nothing is yet, nothing can be moved; where hardly anything is, it is not found.
    const std::uint64_t most_looks = 64 * *command_.number;
    unsigned moved = 0;
    for (unsigned i = 0; i < looks_per_step && moved < pages_per_step; ++i) {
        if (count_ == *command_.number || looked_ >= most_looks)
            break;
        ++looked_;
        const std::uint64_t offset = random_page();
        if (!ram_->backing().extent_at(offset))
            continue;
        if (move_page(offset) == Took::later)
            return false;
        ++moved;
    }
    if (count_ != *command_.number && looked_ < most_looks)
        return false;
    result_.number = count_;
    if (aloud_)
        say("migrate: {} moved to other memory", counted(count_, "page").text());
    return true;
}

bool Work::step_migrate_at() {
    const Ipa ipa{*command_.number};
    if (!ram_->contains(ipa))
        return fail("no memory slot holds this address");
    const std::uint64_t offset = ipa - range().start;
    const auto before = ram_->backing().extent_at(offset);
    switch (move_page(offset)) {
    case Took::later:
        return false;
    case Took::no:
        return result_.status != 0 || fail(before ? "the pool has no page" : "no memory is there");
    case Took::yes:
        break;
    }
    result_.number = 1;
    const auto after = ram_->backing().extent_at(offset);
    if (aloud_ && before && after)
        say("migrate: {:#x} from PA {:#x} to {:#x}", ipa.align_down(page_size()).value,
            before->pa_of(align_down(offset, page_size())).value,
            after->pa_of(align_down(offset, page_size())).value);
    return true;
}

} // namespace twofold::hyp
