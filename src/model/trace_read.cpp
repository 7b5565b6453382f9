// SPDX-License-Identifier: MIT
// Lines of a trace as events and headers. A line has to be exactly what is written: there is no
// other spelling.
#include "trace_names.hpp"

#include <twofold/model/trace.hpp>

namespace twofold::model {
namespace {

class Words {
public:
    explicit Words(std::string_view line) : rest_{line} {}

    std::string_view next() {
        const std::size_t end = rest_.find(' ');
        const std::string_view word = rest_.substr(0, end);
        more_ = end != std::string_view::npos;
        rest_ = more_ ? rest_.substr(end + 1) : std::string_view{};
        return word;
    }
    std::uint64_t number(std::uint64_t base) {
        std::string_view word = next();
        if (base == 16) {
            good_ = good_ && word.starts_with("0x");
            word = word.substr(word.size() < 2 ? word.size() : 2);
        }
        good_ = good_ && !word.empty() && word.size() <= (base == 16 ? 16 : 9);
        std::uint64_t value = 0;
        for (const char c : word) {
            const std::uint64_t digit = c >= '0' && c <= '9' ? static_cast<std::uint64_t>(c - '0')
                                        : c >= 'a' && c <= 'f'
                                            ? static_cast<std::uint64_t>(c - 'a') + 10
                                            : 16;
            good_ = good_ && digit < base;
            value = value * base + digit;
        }
        return value;
    }
    std::uint64_t hex() { return number(16); }
    // Which of the names the next word is.
    template <std::size_t N>
    std::size_t one_of(const std::string_view (&names)[N]) {
        const std::size_t found = find(names, next());
        good_ = good_ && found < N;
        return found < N ? found : 0;
    }
    template <std::size_t N>
    static std::size_t find(const std::string_view (&names)[N], std::string_view word) {
        std::size_t i = 0;
        while (i < N && names[i] != word) {
            ++i;
        }
        return i;
    }
    bool word(std::string_view expected) {
        good_ = good_ && next() == expected;
        return good_;
    }
    // One of two words; whether it is the first.
    bool choice(std::string_view first, std::string_view second) {
        const std::string_view word = next();
        good_ = good_ && (word == first || word == second);
        return word == first;
    }
    // All words were understood, and there are no more.
    bool done() const { return good_ && !more_; }
    bool more() const { return more_; }
    void fail() { good_ = false; }

private:
    std::string_view rest_;
    bool more_ = true; // an empty word counts
    bool good_ = true;
};

void read_operands(Words& words, Event& event) {
    switch (event.kind) {
    case EventKind::tlbi:
        event.tlbi.kind = static_cast<TlbiKind>(words.one_of(trace_names::tlbis));
        event.tlbi.scope = words.choice("local", "is") ? InvalidationScope::local
                                                       : InvalidationScope::inner_shareable;
        event.tlbi.last_level = words.choice("leaf", "all");
        event.tlbi.nxs = words.choice("nxs", "xs");
        event.tlbi.operand = words.hex();
        break;
    case EventKind::allocate:
    case EventKind::free:
    case EventKind::retire:
        event.address = words.hex();
        event.after = words.hex();
        break;
    case EventKind::context:
        event.before = words.hex();
        event.after = words.hex();
        break;
    case EventKind::section_begin:
    case EventKind::section_end:
    case EventKind::settled:
    case EventKind::all_done:
    case EventKind::teardown:
        break;
    case EventKind::barrier:
        words.fail(); // barriers go by their own names
        break;
    default:
        event.address = words.hex();
        event.before = words.hex();
        event.after = words.hex();
    }
}

void read_flag(std::string_view name, Words& words, CpuFeatures& f, bool& lpa2,
               CheckerConfig& config) {
    if (name == "lpa2") {
        lpa2 = f.lpa2_4k = f.lpa2_16k = true;
        f.pa_bits = 52;
    } else if (name == "lpa") {
        f.pa_bits = 52;
    } else if (name == "xnx") {
        config.xnx = true;
    } else if (name == "fwb") {
        config.fwb = true;
    } else if (name == "ttl") {
        config.ttl = true;
    } else if (name == "range") {
        config.tlbi_range = true;
    } else if (name == "xs") {
        config.xs = true;
    } else if (name == "ha") {
        config.hardware_access_flag = true;
    } else if (name == "hd") {
        config.hardware_dirty_state = true;
    } else if (name == "marks") {
        config.publish_needs_mark = true;
    } else {
        words.fail();
    }
}

} // namespace

std::optional<Event> event_of(std::string_view line) {
    Words words{line};
    Event event;
    const std::uint64_t cpu = words.number(10);
    const std::string_view name = words.next();
    if (cpu > 255) {
        return std::nullopt;
    }
    event.cpu = static_cast<std::uint8_t>(cpu);
    if (const std::size_t barrier = Words::find(trace_names::barriers, name);
        barrier < std::size(trace_names::barriers)) {
        event.barrier = static_cast<Barrier>(barrier);
    } else {
        const std::size_t kind = Words::find(trace_names::kinds, name);
        if (kind == std::size(trace_names::kinds)) {
            return std::nullopt;
        }
        event.kind = static_cast<EventKind>(kind);
        read_operands(words, event);
    }
    return words.done() ? std::optional{event} : std::nullopt;
}

std::optional<CheckerConfig> config_of(std::string_view line) {
    Words words{line};
    words.word("twofold-trace");
    words.word("1");
    GeometryRequest request;
    request.granule = static_cast<Granule>(words.one_of(trace_names::granules));
    words.word("ipa");
    request.ipa_bits = static_cast<unsigned>(words.number(10));
    words.word("pa");
    request.pa_bits = static_cast<unsigned>(words.number(10));
    words.word("levels");
    const auto levels = static_cast<int>(words.number(10));
    request.initial_level = page_level + 1 - levels;

    // Of the CPU only what the shape of the table depends on.
    CpuFeatures f;
    f.granule_4k = f.granule_16k = f.granule_64k = f.ttst = true;
    f.pa_bits = 48;
    const auto any = Geometry::make(f, {.granule = Granule::k4, .ipa_bits = 32});
    if (!any) {
        return std::nullopt;
    }
    CheckerConfig config{.geometry = *any};
    words.word("vmid");
    config.vmid = static_cast<unsigned>(words.number(10));
    words.word("bbm");
    config.bbm = static_cast<unsigned>(words.number(10));
    while (words.more()) {
        read_flag(words.next(), words, f, request.lpa2, config);
    }
    const auto geometry = Geometry::make(f, request);
    if (!geometry || !words.done()) {
        return std::nullopt;
    }
    config.geometry = *geometry;
    return config;
}

} // namespace twofold::model
