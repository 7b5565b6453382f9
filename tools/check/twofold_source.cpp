// SPDX-License-Identifier: MIT
// Traces in the library's own format.
#include "tools/check/trace_source.hpp"
#include "tools/text/size.hpp"

#include <twofold/model/trace.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

// Sixteen tables of 64 KiB are a root; pools of tables may be larger.
constexpr std::uint64_t most_table_bytes = 16 * MiB;

class TwofoldSource final : public TraceSource {
public:
    explicit TwofoldSource(LineReader::Read read) : lines_{std::move(read)} {}

    std::optional<std::string> start() override {
        const auto first = lines_.next();
        const auto config = first ? model::config_of(first->text) : std::nullopt;
        if (!config) {
            return fmt::format("line 1: expected \"twofold-trace 1 4k ipa 40 pa 48 levels 3 vmid 1 "
                               "bbm 0\" or the like, not {}",
                               first ? quoted_line(first->text) : "nothing");
        }
        set_config(*config);
        return std::nullopt;
    }

    std::optional<TraceEvent> next() override {
        const auto line = lines_.next();
        if (!line) {
            return std::nullopt;
        }
        if (!line->complete) {
            // Half a number looks like a whole one.
            cut_off_ = line->number;
            return std::nullopt;
        }
        const auto event = line->too_long ? std::nullopt : model::event_of(line->text);
        if (!event) {
            fail(fmt::format("line {}: expected an event, such as \"0 dsb-ish\", not {}",
                             line->number, quoted_line(line->text)));
            return std::nullopt;
        }
        if (const auto defect = event_defect(*event)) {
            fail(fmt::format("line {}: {}", line->number, *defect));
            return std::nullopt;
        }
        return TraceEvent{*event, line->number};
    }

    std::vector<std::string> notes() const override {
        if (cut_off_ == 0) {
            return {};
        }
        return {fmt::format("line {} is cut off and was left out", cut_off_)};
    }

private:
    TraceLines lines_;
    std::size_t cut_off_ = 0;
};

} // namespace

std::unique_ptr<TraceSource> make_twofold_source(LineReader::Read read) {
    return std::make_unique<TwofoldSource>(std::move(read));
}

std::optional<std::string> event_defect(const model::Event& event) {
    if (event.changes_entry() && event.address % 8 != 0) {
        return fmt::format("expected the address of an entry, a multiple of 8, not {:#x}",
                           event.address);
    }
    const bool tables = event.kind == model::EventKind::allocate ||
                        event.kind == model::EventKind::free ||
                        event.kind == model::EventKind::retire;
    if (tables && event.after > most_table_bytes) {
        return fmt::format("expected at most {} of table memory at once, not {}",
                           size_words(most_table_bytes), size_words(event.after));
    }
    if (tables && event.after > ~std::uint64_t{0} - event.address) {
        return fmt::format("expected table memory inside of 64 bits, not {} at {:#x}",
                           size_words(event.after), event.address);
    }
    return std::nullopt;
}

} // namespace twofold::tool
