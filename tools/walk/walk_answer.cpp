// SPDX-License-Identifier: MIT
// A walk by the model, and its descriptors as the library reads them.
#include "tools/walk/walk_answer.hpp"

#include <twofold/arch/contiguous.hpp>
#include <twofold/model/walker.hpp>

#include <fmt/format.h>

#include <map>

namespace twofold::tool {

namespace {

// The image as the CPU sees it: updates by hardware are remembered and not written to any file.
class WalkedMemory {
public:
    explicit WalkedMemory(MemorySource& image) : image_{image} {}

    std::optional<std::uint64_t> load(Pa pa) {
        if (const auto found = stored_.find(pa); found != stored_.end()) {
            return found->second;
        }
        const auto word = image_.load(pa);
        if (!word) {
            missing_ = pa;
        }
        return word;
    }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        const auto word = load(pa);
        if (word && *word == expected) {
            stored_[pa] = desired;
        }
        return word;
    }
    std::optional<Pa> missing() const { return missing_; }

private:
    MemorySource& image_;
    std::map<Pa, std::uint64_t> stored_;
    std::optional<Pa> missing_;
};

model::AccessKind kind_of(AccessKind access) {
    switch (access) {
    case AccessKind::write:
        return model::AccessKind::store;
    case AccessKind::fetch:
        return model::AccessKind::fetch;
    case AccessKind::read:
        break;
    }
    return model::AccessKind::load;
}

std::string_view refusal_words(model::WalkRefusal refusal) {
    switch (refusal) {
    case model::WalkRefusal::d128:
        return "VTCR_EL2.D128: 128-bit descriptors are not known here";
    case model::WalkRefusal::reserved_granule:
        return "VTCR_EL2.TG0 = 0b11 is reserved: the CPU chooses the granule";
    case model::WalkRefusal::indirect_without_the:
        return "VTCR_EL2.S2PIE needs FEAT_THE";
    case model::WalkRefusal::contended:
        return "the descriptors change all the time";
    case model::WalkRefusal::none:
        break;
    }
    return "these registers are not known here";
}

WalkStep make_step(const Regime& regime, Ipa ipa, const model::WalkVisit& visit) {
    const Geometry& geometry = *regime.geometry();
    const DescriptorFormat format = regime.format();
    const Descriptor descriptor{visit.descriptor};
    WalkStep step{.level = visit.level,
                  .address = visit.address,
                  .index = geometry.index(ipa, visit.level),
                  .descriptor = visit.descriptor,
                  .kind = format.kind(descriptor, visit.level),
                  .output = {},
                  .attributes = {},
                  .contiguous = false};
    if (step.kind == EntryKind::table) {
        step.output = format.next_table(descriptor);
    } else if (step.kind != EntryKind::invalid) {
        step.output = format.output(descriptor, visit.level);
        step.attributes = regime.attributes(descriptor, visit.level);
        step.contiguous =
            descriptor.contiguous() && contiguous_entries(geometry.granule(), visit.level) > 1;
    }
    return step;
}

WalkFaultReport make_report(const WalkRequest& request, const model::WalkFault& fault) {
    const std::uint64_t ec = request.access == AccessKind::fetch ? esr::ec_instruction_abort_lower
                                                                 : esr::ec_data_abort_lower;
    const std::uint64_t value = esr::ec::of(ec) | esr::il::of(1) | esr::iss::of(fault.iss);
    const auto abort = Abort::decode(value, fault.hpfar, 0);
    return {.esr = value,
            .iss2 = fault.iss2,
            .hpfar = fault.hpfar_valid ? std::optional{fault.hpfar} : std::nullopt,
            .status = abort ? abort->status : FaultStatus{}};
}

// The walk of a CPU that faults where it must and not where it may.
model::WalkResult forgiving_walk(const Regime& regime, MemorySource& memory,
                                 const WalkRequest& request, const model::Access& access) {
    model::WalkConfig config = regime.config();
    config.choices = {.txsz_low_faults = false,
                      .txsz_high_faults = false,
                      .contiguous_faults = false,
                      .nt_faults = false,
                      .fetch_from_device_faults = false};
    WalkedMemory walked{memory};
    return model::walk(config, walked, request.ipa, access);
}

} // namespace

Result<WalkAnswer> answer_walk(const Regime& regime, MemorySource& memory,
                               const WalkRequest& request) {
    const model::Access access{.kind = kind_of(request.access), .level = request.level};
    WalkedMemory walked{memory};
    WalkAnswer answer{.request = request,
                      .steps = {},
                      .result = model::walk(regime.config(), walked, request.ipa, access),
                      .missing = {},
                      .fault = {},
                      .otherwise = {}};
    const model::WalkResult& result = answer.result;
    if (result.outcome == model::WalkOutcome::refused) {
        return Failure{std::string{refusal_words(result.refusal)}};
    }
    if (!result.visits.empty() && !regime.geometry()) {
        return Failure{std::string{to_string(regime.geometry().error())}};
    }
    for (const model::WalkVisit& visit : result.visits) {
        answer.steps.push_back(make_step(regime, request.ipa, visit));
    }
    if (!result.faulted()) {
        return answer;
    }
    if (result.fault.kind == model::FaultKind::external_on_walk && walked.missing()) {
        answer.missing = walked.missing();
        return answer;
    }
    answer.fault = make_report(request, result.fault);
    const model::WalkResult other = forgiving_walk(regime, memory, request, access);
    const bool same = other.faulted(result.fault.kind, result.fault.level);
    const bool unknown = other.faulted() && other.fault.kind == model::FaultKind::external_on_walk;
    if (!same && !unknown) {
        answer.otherwise = other;
    }
    return answer;
}

} // namespace twofold::tool
