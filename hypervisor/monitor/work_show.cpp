// SPDX-License-Identifier: MIT
// Commands that only look: help, slots, map, reasons.
#include "monitor/words.hpp"
#include "monitor/work.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace twofold::hyp {

namespace {

bool continues(const Mapping& run, const Mapping& leaf) {
    return run.ipa + run.size == leaf.ipa && run.pa + run.size == leaf.pa &&
           run.level == leaf.level && run.contiguous == leaf.contiguous &&
           run.attributes == leaf.attributes;
}

} // namespace

bool Work::step_help() {
    const CommandForm& form = command_forms()[lines_];
    const Words words{"{}{}{}{}{}",
                      form.first,
                      form.second.empty() ? "" : " ",
                      form.second,
                      form.argument == CommandForm::Argument::none ? "" : " ",
                      form.argument_name};
    say("  {:<16} {}", words.text(), form.meaning);
    return ++lines_ == command_forms().size();
}

bool Work::step_slots() {
    std::array<Slot, 8> slots{};
    std::size_t count = 0;
    ram_->memory().for_each_slot([&](const Slot& slot) {
        if (count < slots.size())
            slots[count] = slot;
        ++count;
    });
    for (std::size_t i = 0; i < count && i < slots.size(); ++i) {
        const Slot& slot = slots[i];
        say("slot {:#x}-{:#x}: {}, {}, {}", slot.range.start.value, slot.range.end().value - 1,
            size_words(slot.range.length).text(), slot.writable ? "writable" : "read-only",
            slot.dirty_logging ? "writes are logged" : "no log of writes");
    }
    const RamBacking& backing = ram_->backing();
    say("  {} of memory taken, in extents of {}", size_words(backing.bytes_in_use()).text(),
        size_words(backing.extent_size()).text());
    result_.number = count;
    return true;
}

bool Work::step_map() {
    const Ipa limit{ram_->memory().geometry().ipa_limit()};
    if (progress_.next == Ipa{} && lines_ == 0 && command_.number)
        progress_.next = Ipa{*command_.number};
    // Up to the end of one run, which is a line.
    std::optional<Mapping> complete;
    ram_->memory().with_table([&](auto& table, Invalidation&) {
        const Geometry& geometry = table.geometry();
        for (std::uint64_t i = 0; i < entries_per_step && progress_.next < limit && !complete;
             ++i) {
            const auto found = table.lookup(progress_.next);
            const std::uint64_t size = geometry.entry_size(found->level);
            if (found->mapping && run_ && continues(*run_, *found->mapping)) {
                run_->size += found->mapping->size;
            } else {
                complete = std::exchange(run_, found->mapping);
            }
            progress_.next = progress_.next.align_down(size) + size;
        }
    });
    const bool end = progress_.next >= limit;
    if (!complete && end)
        complete = std::exchange(run_, std::nullopt);
    if (complete) {
        const Mapping& run = *complete;
        const std::uint64_t leaf = ram_->memory().geometry().entry_size(run.level);
        say("{:#x}-{:#x}: {} at PA {:#x}, {} x {}{}, {}", run.ipa.value,
            (run.ipa + run.size).value - 1, size_words(run.size).text(), run.pa.value,
            run.size / leaf, size_words(leaf).text(), run.contiguous ? " contiguous" : "",
            attribute_words(run.attributes).text());
        result_.number += run.size;
        if (++lines_ == lines_at_most && (!end || run_)) {
            say("... more with: map {:#x}", (run_ ? run_->ipa : progress_.next).value);
            return true;
        }
    }
    if (!end || run_)
        return false;
    say("{} mapped", size_words(result_.number).text());
    return true;
}

bool Work::step_sizes() {
    const Geometry& geometry = ram_->memory().geometry();
    Ipa& next = progress_.next;
    next = std::max(next, range().start);
    ram_->memory().with_table([&](auto& table, Invalidation&) {
        for (std::uint64_t i = 0; i < entries_per_step && next < range().end(); ++i) {
            const auto found = table.lookup(next);
            const std::uint64_t size = geometry.entry_size(found->level);
            if (found->mapping)
                by_level_[found->level] += size;
            next = next.align_down(size) + size;
        }
    });
    if (next < range().end())
        return false;
    std::array<char, 120> line{};
    BufferSink sink{line};
    for (Level level = geometry.top_leaf_level(); level <= page_level; ++level) {
        const std::uint64_t bytes = by_level_[level];
        const std::uint64_t size = geometry.entry_size(level);
        if (bytes == 0)
            continue;
        format_to(sink, "{}{} in {}", sink.text().empty() ? "" : ", ", amount_words(bytes).text(),
                  counted(bytes / size, level == page_level ? "page" : "block").text());
        format_to(sink, " of {}", size_words(size).text());
        result_.number += bytes;
    }
    say("mapped: {}", sink.text().empty() ? "nothing" : sink.text());
    return true;
}

bool Work::step_reasons() {
    const Ipa ipa{*command_.number};
    if (!ram_->contains(ipa))
        return fail("no memory slot holds this address");
    // To be asked for it, the backing would take memory.
    if (!ram_->backing().extent_at(ipa - range().start)) {
        say("{:#x}: nobody has touched it, so there is no memory yet", ipa.value);
        return true;
    }
    const auto explained = ram_->memory().explain(ipa);
    if (!explained)
        return fail(to_string(explained.error()));
    const auto& mapping = explained->found.mapping;
    if (mapping)
        say("{:#x}: {} at PA {:#x}{}, {}", mapping->ipa.value, size_words(mapping->size).text(),
            mapping->pa.value, mapping->contiguous ? ", contiguous" : "",
            attribute_words(mapping->attributes).text());
    else
        say("{:#x}: nothing is mapped", ipa.value);
    if (!explained->request)
        return fail("the memory does not hold this address");
    const SizeLimits limits = explained->limits(ram_->memory().geometry());
    for (std::size_t i = limits.size(); i-- > 0;)
        say("  {:>8}: {}", size_words(limits[i].size).text(), limit_words(limits[i]).text());
    result_.number = mapping ? mapping->size : 0;
    return true;
}

std::optional<std::uint64_t> Work::known(Verb verb) {
    if (verb == Verb::commands)
        return counts_.commands;
    if (verb != Verb::faults)
        return std::nullopt;
    std::uint64_t resolved = 0;
    const FaultCounters counters = ram_->memory().counters();
    for (const OwnCounter& counter : counters.by_outcome)
        resolved += counter.value();
    return resolved;
}

} // namespace twofold::hyp
