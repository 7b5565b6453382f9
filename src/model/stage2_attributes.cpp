// SPDX-License-Identifier: MIT
// Memory types at stage 2, with and without forced write-back.
#include <twofold/model/bits.hpp>
#include <twofold/model/stage2_attributes.hpp>

#include <algorithm>

namespace twofold::model {

namespace {

// EffectiveShareability: Device and Normal non-cacheable are outer shareable whatever is said.
Shareability effective_shareability(const MemoryAttributes& attributes) {
    const bool uncached = attributes.inner == Cacheability::non_cacheable &&
                          attributes.outer == Cacheability::non_cacheable;
    if (attributes.type == MemoryType::device || uncached) {
        return Shareability::outer;
    }
    return attributes.shareability;
}

// S2CombineS1Shareability: outer over inner over none.
Shareability stronger(Shareability a, Shareability b) {
    if (a == Shareability::outer || b == Shareability::outer) {
        return Shareability::outer;
    }
    if (a == Shareability::inner || b == Shareability::inner) {
        return Shareability::inner;
    }
    return Shareability::non_shareable;
}

// S2CombineS1AttrHints: the less cached of the two, which has the smaller encoding.
Cacheability weaker(Cacheability a, Cacheability b) { return std::min(a, b); }

// S2CombineS1Device
DeviceType stronger(DeviceType a, DeviceType b) { return std::min(a, b); }

// S2DecodeCacheability: 0b00 is reserved, and the CPU chooses.
Cacheability decode_cacheability(std::uint64_t code, const WalkConfig& config) {
    switch (code) {
    case 1:
        return Cacheability::non_cacheable;
    case 2:
        return Cacheability::write_through;
    case 3:
        return Cacheability::write_back;
    default:
        return config.choices.reserved_memory_type;
    }
}

struct Stage2Fields {
    unsigned mem_attr;         // [5:2] MemAttr
    Shareability shareability; // [9:8] SH, or VTCR_EL2.SH0 where DS took those bits for the address
    bool fnxs;                 // [11] FnXS
};

Stage2Fields decode_fields(const WalkParameters& parameters, std::uint64_t descriptor) {
    return {.mem_attr = static_cast<unsigned>(field(descriptor, 5, 2)),
            .shareability = parameters.ds ? parameters.shareability
                                          : decode_shareability(field(descriptor, 9, 8)),
            .fnxs = bit(descriptor, 11)};
}

// S2DecodeMemAttrs
MemoryAttributes plain_attributes(const WalkConfig& config, const Stage2Fields& fields) {
    MemoryAttributes result;
    if (fields.mem_attr < 4) {
        result.type = MemoryType::device;
        result.device = static_cast<DeviceType>(fields.mem_attr);
    } else if (fields.mem_attr == 4 && config.mte_perm) {
        result.no_tag_access = true; // Normal write-back, tags out of reach
    } else {
        result.outer = decode_cacheability(fields.mem_attr >> 2, config);
        result.inner = decode_cacheability(fields.mem_attr & 3, config);
    }
    result.shareability = fields.shareability;
    result.xs = !fields.fnxs;
    return result;
}

// AArch64.S2ApplyFWBMemAttrs
MemoryAttributes forced_attributes(const WalkConfig& config, const Stage2Fields& fields,
                                   const MemoryAttributes& stage1) {
    const bool stage1_device = stage1.type == MemoryType::device;
    MemoryAttributes result = stage1;
    if ((fields.mem_attr & 4) == 0) { // 0b-0xx: Device, or a stronger Device of stage 1
        const auto device = static_cast<DeviceType>(fields.mem_attr & 3);
        result.type = MemoryType::device;
        result.device = stage1_device ? stronger(stage1.device, device) : device;
    } else if ((fields.mem_attr & 3) == 2) { // 0b-110: write-back even over Device
        result = normal_write_back;
    } else if ((fields.mem_attr & 3) != 3 && !stage1_device) { // 0b-10x: at most non-cacheable
        result.inner = Cacheability::non_cacheable;
        result.outer = Cacheability::non_cacheable;
    }
    result.shareability = stronger(stage1.shareability, fields.shareability);
    result.xs = result.xs && !fields.fnxs;
    result.no_tag_access = config.mte_perm && (fields.mem_attr >> 1) == 7;
    result.shareability = effective_shareability(result);
    return result;
}

// S2CombineS1MemAttrs
MemoryAttributes combine(const MemoryAttributes& stage1, const MemoryAttributes& stage2) {
    MemoryAttributes result;
    const bool device1 = stage1.type == MemoryType::device;
    const bool device2 = stage2.type == MemoryType::device;
    if (device1 || device2) {
        result.type = MemoryType::device;
        result.device = !device1   ? stage2.device
                        : !device2 ? stage1.device
                                   : stronger(stage1.device, stage2.device);
    } else {
        result.inner = weaker(stage1.inner, stage2.inner);
        result.outer = weaker(stage1.outer, stage2.outer);
    }
    result.shareability = stronger(stage1.shareability, stage2.shareability);
    result.xs = stage1.xs && stage2.xs;
    result.no_tag_access = stage2.no_tag_access;
    result.shareability = effective_shareability(result);
    return result;
}

} // namespace

MemoryAttributes stage2_attributes(const WalkConfig& config, const WalkParameters& parameters,
                                   std::uint64_t descriptor, const MemoryAttributes& stage1) {
    const Stage2Fields fields = decode_fields(parameters, descriptor);
    return parameters.fwb ? forced_attributes(config, fields, stage1)
                          : plain_attributes(config, fields);
}

MemoryAttributes combined_attributes(const WalkParameters& parameters, const Access& access,
                                     const MemoryAttributes& stage2) {
    const bool device = stage2.type == MemoryType::device;
    const bool fetch = access.kind == AccessKind::fetch;
    const bool uncached = (is_stage1_walk(access) && device && !parameters.protected_walks) ||
                          (fetch && (device || !parameters.fetch_cached)) ||
                          (!fetch && !device && !parameters.data_cached);
    MemoryAttributes used = stage2;
    if (uncached) {
        used = normal_non_cacheable;
        used.xs = stage2.xs;
    }
    return parameters.fwb ? used : combine(access.stage1, used);
}

} // namespace twofold::model
