// SPDX-License-Identifier: MIT
// A walk as text.
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"
#include "tools/walk/leaf_words.hpp"
#include "tools/walk/walk_answer.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

std::string_view access_words(AccessKind access) {
    switch (access) {
    case AccessKind::read:
        return "read";
    case AccessKind::write:
        return "write";
    case AccessKind::fetch:
        return "fetch";
    }
    return "access";
}

std::string invalid_words(const WalkStep& step) {
    if ((step.descriptor & 1) == 0) {
        return step.descriptor == 0 ? "invalid: zero"
                                    : "invalid: bit 0 is clear, the rest software's";
    }
    return step.level == page_level ? "invalid: bits 1:0 = 01 are reserved at level 3"
                                    : "invalid: no blocks at this level";
}

std::string meaning_words(const WalkStep& step) {
    switch (step.kind) {
    case EntryKind::invalid:
        return invalid_words(step);
    case EntryKind::table:
        return fmt::format("table at PA {:#x}", step.output.value);
    case EntryKind::block:
    case EntryKind::page:
        return fmt::format("{} at PA {:#x}{}, {}", step.kind == EntryKind::page ? "page" : "block",
                           step.output.value, step.contiguous ? ", contiguous" : "",
                           attribute_words(step.attributes));
    }
    return "";
}

std::string steps_text(const WalkAnswer& answer) {
    Columns table{{Align::right, Align::right, Align::right, Align::left, Align::left}};
    table.add({"level", "index", "at PA", "descriptor", "is a"});
    for (const WalkStep& step : answer.steps) {
        table.add({fmt::format("{}", step.level), fmt::format("{}", step.index),
                   fmt::format("{:#x}", step.address.value),
                   fmt::format("{:#018x}", step.descriptor), meaning_words(step)});
    }
    return table.text(2);
}

std::string updates_text(const model::WalkResult& result) {
    std::string text;
    for (const model::WalkUpdate& update : result.updates) {
        const std::uint64_t set = update.after & ~update.before;
        text += fmt::format("hardware changes the descriptor at PA {:#x} to {:#018x}:{}{}\n",
                            update.address.value, update.after, leaf::af::is_set(set) ? " AF" : "",
                            leaf::s2ap_write::is_set(set) ? " dirty" : "");
    }
    return text;
}

std::string translation_words(const WalkAnswer& answer, const model::Translation& translation) {
    if (answer.steps.empty()) {
        return fmt::format("PA {:#x}: stage 2 is off (HCR_EL2.VM)", translation.pa.value);
    }
    return fmt::format("PA {:#x}, in {}{} from IPA {:#x}", translation.pa.value,
                       size_words(translation.size),
                       translation.contiguous ? " (a contiguous run)" : "",
                       align_down(answer.request.ipa.value, translation.size));
}

std::string fault_text(const WalkFaultReport& fault) {
    std::string text =
        fmt::format("fault: {}{}\n", to_string(fault.status.kind),
                    fault.status.level ? fmt::format(", level {}", *fault.status.level) : "");
    const std::uint64_t iss = esr::iss::get(fault.esr);
    Columns registers{{Align::left, Align::left, Align::left}};
    registers.add({"ESR_EL2", fmt::format("{:#018x}", fault.esr | std::uint64_t{fault.iss2} << 32),
                   fmt::format("ISS {:#x}: FSC {:#04x}{}; without what depends on the instruction "
                               "(ISV)",
                               iss, esr::fsc::get(iss), esr::wnr::is_set(iss) ? ", WnR" : "")});
    registers.add({"HPFAR_EL2", fault.hpfar ? fmt::format("{:#018x}", *fault.hpfar) : "UNKNOWN",
                   fault.hpfar ? "" : "a fault of this kind does not report the IPA"});
    return text + registers.text(2);
}

std::string otherwise_words(const WalkAnswer& answer, const model::WalkResult& other) {
    if (other.translated()) {
        return translation_words(answer, other.translation);
    }
    const FaultStatus status = FaultStatus::decode(other.fault.dfsc);
    return fmt::format("a fault: {}{}", to_string(status.kind),
                       status.level ? fmt::format(", level {}", *status.level) : "");
}

} // namespace

std::string walk_text(const Regime& regime, const WalkAnswer& answer) {
    std::string text = regime_words(regime) + '\n';
    text += fmt::format("{} of IPA {:#x} by EL{}\n\n", access_words(answer.request.access),
                        answer.request.ipa.value,
                        answer.request.level == model::AccessLevel::el0 ? 0 : 1);
    if (!answer.steps.empty()) {
        text += steps_text(answer) + '\n';
    }
    text += updates_text(answer.result);
    if (answer.missing) {
        return text + fmt::format("unknown: the next descriptor is at PA {:#x}, which is not in "
                                  "memory\n",
                                  answer.missing->value);
    }
    if (answer.translated()) {
        return text + translation_words(answer, answer.result.translation) + '\n';
    }
    text += fault_text(*answer.fault);
    if (answer.otherwise) {
        text += fmt::format("this fault is the implementation's choice; without it: {}\n",
                            otherwise_words(answer, *answer.otherwise));
    }
    return text;
}

} // namespace twofold::tool
