// SPDX-License-Identifier: MIT
// The walk itself: AArch64.S2Translate around AArch64.S2Walk.
#include <twofold/model/bits.hpp>
#include <twofold/model/stage2_attributes.hpp>
#include <twofold/model/stage2_permissions.hpp>
#include <twofold/model/walk_descriptor.hpp>
#include <twofold/model/walk_parameters.hpp>
#include <twofold/model/walker.hpp>

#include <optional>

namespace twofold::model {

namespace {

constexpr std::uint64_t access_flag = std::uint64_t{1} << 10; // [10] AF
constexpr std::uint64_t dirty_state = std::uint64_t{1} << 7;  // [7] S2AP[1], or the dirty bit

// The pseudocode would start again for ever; a debug hypervisor may not.
constexpr unsigned most_attempts = 64;

struct Leaf {
    Pa address{0}; // of the descriptor
    std::uint64_t descriptor = 0;
    int level = 0;
    std::uint64_t output = 0; // address, as StageOA has it
    unsigned size_bits = 0;   // of what the leaf maps, its contiguous group included
    bool contiguous = false;
};

class Walk {
public:
    Walk(const WalkConfig& config, MemoryRef memory, Ipa ipa, const Access& access)
        : config_(config),
          memory_(memory),
          ipa_(ipa),
          access_(access),
          parameters_(decode_parameters(config)) {}

    WalkResult run();

private:
    enum class Step : std::uint8_t { done, again };

    bool refuses();
    bool regime_faults();
    Step attempt();
    std::optional<Leaf> find_leaf(Step& step);
    bool leaf_faults(const Leaf& leaf);
    void output(const Leaf& leaf, const WalkPermissions& permissions,
                const MemoryAttributes& stage2);

    bool fetch(std::uint64_t address, int level, std::uint64_t& descriptor);
    Step swap(Pa address, int level, std::uint64_t before, std::uint64_t after);

    void fault(FaultKind kind, int level) {
        result_.outcome = WalkOutcome::faulted;
        result_.fault = make_fault(kind, level, ipa_, access_, writes(access_));
    }
    [[nodiscard]] bool out_of_range(std::uint64_t address) const { // AArch64.OAOutOfRange
        return (address >> output_bits(config_, parameters_)) != 0;
    }
    // Within the whole group the low bits are the IPA's, whatever the descriptor holds there.
    [[nodiscard]] std::uint64_t stage_oa(std::uint64_t descriptor, int level,
                                         unsigned size_bits) const {
        return clear_low_bits(leaf_base(config_, parameters_, descriptor, level), size_bits) |
               low_bits(ipa_.value, size_bits);
    }
    [[nodiscard]] std::uint64_t in_memory(std::uint64_t descriptor) const {
        return config_.big_endian ? __builtin_bswap64(descriptor) : descriptor;
    }

    const WalkConfig& config_;
    MemoryRef memory_;
    Ipa ipa_;
    const Access& access_;
    WalkParameters parameters_;
    WalkResult result_{};
};

bool Walk::refuses() {
    if (bit(config_.vtcr, 38) && config_.d128) {
        result_.refusal = WalkRefusal::d128;
    } else if (field(config_.vtcr, 15, 14) == 3) {
        result_.refusal = WalkRefusal::reserved_granule;
    } else if (parameters_.indirect_permissions && !config_.the) {
        result_.refusal = WalkRefusal::indirect_without_the;
    }
    return result_.refusal != WalkRefusal::none;
}

// What is wrong before the first descriptor is read. All of it is a Translation fault at level 0,
// but for a start table out of reach.
bool Walk::regime_faults() {
    if (!settle_t0sz(config_, parameters_) || invalid_start_level(config_, parameters_) ||
        inconsistent_start_level(parameters_) ||
        (ipa_.value >> parameters_.ipa_bits()) != 0) { // AArch64.IPAIsOutOfRange
        fault(FaultKind::translation, 0);
        return true;
    }
    if (out_of_range(table_base(config_, parameters_))) {
        fault(FaultKind::address_size, 0);
        return true;
    }
    return false;
}

// FetchDescriptor
bool Walk::fetch(std::uint64_t address, int level, std::uint64_t& descriptor) {
    const auto word = memory_.load(Pa{address});
    if (!word) {
        fault(FaultKind::external_on_walk, level);
        return false;
    }
    descriptor = in_memory(*word);
    result_.visits.push_back({.address = Pa{address}, .descriptor = descriptor, .level = level});
    return true;
}

// AArch64.MemSwapTableDesc
Walk::Step Walk::swap(Pa address, int level, std::uint64_t before, std::uint64_t after) {
    const auto seen = memory_.compare_exchange(address, in_memory(before), in_memory(after));
    if (!seen) {
        fault(FaultKind::external_on_walk, level);
        return Step::done;
    }
    if (*seen != in_memory(before)) {
        return Step::again;
    }
    result_.updates.push_back({.address = address, .before = before, .after = after});
    return Step::done;
}

// The loop of AArch64.S2Walk. No leaf: the walk faulted, or `step` says to start again.
std::optional<Leaf> Walk::find_leaf(Step& step) {
    std::uint64_t base = table_base(config_, parameters_);
    unsigned top = parameters_.ipa_bits();
    for (int level = start_level(parameters_);; ++level) {
        const unsigned bottom = leaf_bits(parameters_, level);
        const std::uint64_t index = field(ipa_.value, top - 1, bottom);
        const Pa address{base + index * 8};
        std::uint64_t descriptor = 0;
        if (!fetch(address.value, level, descriptor)) {
            return std::nullopt;
        }

        const DescriptorKind kind = descriptor_kind(config_, parameters_, descriptor, level);
        if (kind == DescriptorKind::invalid) {
            fault(FaultKind::translation, level);
            return std::nullopt;
        }
        if (kind != DescriptorKind::table) {
            const unsigned group =
                bit(descriptor, 52) ? contiguous_bits(parameters_, level) : 0; // Contiguous
            return Leaf{.address = address,
                        .descriptor = descriptor,
                        .level = level,
                        .output = stage_oa(descriptor, level, bottom + group),
                        .size_bits = bottom + group,
                        .contiguous = group != 0};
        }

        // AArch64.S2NextWalkStateTable
        base = next_table_base(config_, parameters_, descriptor);
        top = bottom;
        if (out_of_range(base)) {
            fault(FaultKind::address_size, level);
            return std::nullopt;
        }
        if (parameters_.table_access_flag && (descriptor & access_flag) == 0) {
            step = swap(address, level, descriptor, descriptor | access_flag);
            if (step == Step::again || result_.faulted()) {
                return std::nullopt;
            }
        }
    }
}

// The end of AArch64.S2Walk, in its order.
bool Walk::leaf_faults(const Leaf& leaf) {
    // AArch64.ContiguousBitFaults
    if (leaf.size_bits > parameters_.ipa_bits() && leaf.contiguous &&
        config_.choices.contiguous_faults) {
        fault(FaultKind::translation, leaf.level);
        return true;
    }
    // AArch64.BlocknTFaults
    if (leaf.level < 3 && bit(leaf.descriptor, 16) && config_.bbm != 0 &&
        config_.choices.nt_faults) {
        fault(FaultKind::translation, leaf.level);
        return true;
    }
    // The address of the access counts, not that of the block: part of a block may be in reach.
    if (out_of_range(leaf.output)) {
        fault(FaultKind::address_size, leaf.level);
        return true;
    }
    if ((leaf.descriptor & access_flag) == 0 && !parameters_.access_flag_updates) {
        fault(FaultKind::access_flag, leaf.level);
        return true;
    }
    return false;
}

// One turn of the loop of AArch64.S2Translate.
Walk::Step Walk::attempt() {
    result_.visits.clear();
    Step step = Step::done;
    auto leaf = find_leaf(step);
    if (!leaf || leaf_faults(*leaf)) {
        return step;
    }

    const MemoryAttributes stage2 =
        stage2_attributes(config_, parameters_, leaf->descriptor, access_.stage1);
    const WalkPermissions permissions = compute_permissions(config_, parameters_, leaf->descriptor);

    // AArch64.S2HasAlignmentFault
    const bool misaligned = stage2.type == MemoryType::device &&
                            access_.kind != AccessKind::fetch &&
                            (!access_.aligned || access_.kind == AccessKind::dc_zva);
    const PermissionCheck check = check_permissions(config_, parameters_, permissions,
                                                    leaf->descriptor, stage2.type, access_);
    const bool faults = misaligned || !check.permitted;

    std::uint64_t updated = leaf->descriptor;
    if (parameters_.access_flag_updates && (!faults || config_.choices.access_flag_despite_fault)) {
        updated |= access_flag; // AArch64.SettingAccessFlagPermitted
    }
    const bool may_dirty = !faults || (misaligned && config_.choices.dirty_despite_fault);
    const bool dirty_managed = parameters_.indirect_permissions || bit(leaf->descriptor, 51);
    if (may_dirty && parameters_.dirty_updates && dirty_managed && writes(access_) &&
        !is_address_translation(access_)) {
        updated |= dirty_state; // AArch64.SettingDirtyStatePermitted
    }
    if (updated != leaf->descriptor) {
        step = swap(leaf->address, leaf->level, leaf->descriptor, updated);
        if (step == Step::again || result_.faulted()) {
            return step;
        }
        leaf->descriptor = updated;
    }

    if (misaligned) { // an Alignment fault is taken first
        fault(FaultKind::alignment, leaf->level);
    } else if (!check.permitted) {
        result_.outcome = WalkOutcome::faulted;
        result_.fault = make_fault(FaultKind::permission, leaf->level, ipa_, access_, check.write,
                                   check.dirty_bit);
    } else {
        output(*leaf, permissions, stage2);
    }
    return Step::done;
}

void Walk::output(const Leaf& leaf, const WalkPermissions& permissions,
                  const MemoryAttributes& stage2) {
    result_.outcome = WalkOutcome::translated;
    result_.translation = {.pa = Pa{leaf.output},
                           .level = leaf.level,
                           .size = std::uint64_t{1} << leaf.size_bits,
                           .contiguous = leaf.contiguous,
                           .descriptor = leaf.descriptor,
                           .permissions = permissions,
                           .stage2 = stage2,
                           .attributes = combined_attributes(parameters_, access_, stage2)};
}

WalkResult Walk::run() {
    if (!parameters_.enabled) {
        result_.outcome = WalkOutcome::translated;
        result_.translation.pa = Pa{ipa_.value};
        result_.translation.attributes = access_.stage1;
        result_.translation.permissions = {true, true, true, true, true, true, true, true};
        return result_;
    }
    if (refuses() || regime_faults()) {
        return result_;
    }
    for (unsigned tries = 0; tries < most_attempts; ++tries) {
        if (attempt() == Step::done) {
            return result_;
        }
    }
    result_.refusal = WalkRefusal::contended;
    return result_;
}

} // namespace

WalkResult walk(const WalkConfig& config, MemoryRef memory, Ipa ipa, const Access& access) {
    return Walk(config, memory, ipa, access).run();
}

} // namespace twofold::model
