// SPDX-License-Identifier: MIT
// Direct and indirect stage-2 permissions.
#include <twofold/model/bits.hpp>
#include <twofold/model/stage2_permissions.hpp>

namespace twofold::model {

namespace {

// AArch64.S2DirectBasePermissions
WalkPermissions direct_permissions(const WalkConfig& config, const WalkParameters& parameters,
                                   std::uint64_t descriptor) {
    WalkPermissions result;
    result.read = bit(descriptor, 6); // [7:6] S2AP
    result.write = bit(descriptor, 7);
    // AArch64.S2ApplyOutputPerms: DBM makes a page writable that hardware will mark dirty.
    if (parameters.dirty_updates && bit(descriptor, 51)) {
        result.write = true;
    }
    const bool xn = bit(descriptor, 54);                  // [54:53] XN
    const bool split = config.xnx && bit(descriptor, 53); // 01: not EL1; 10: nobody; 11: not EL0
    result.execute_el1 = xn == split;
    result.execute_el0 = !xn;
    result.walk_read = result.rcw_read = result.read;
    result.walk_write = result.rcw_write = result.write;
    return result;
}

// AArch64.S2IndirectBasePermissions
WalkPermissions indirect_permissions(const WalkConfig& config, std::uint64_t descriptor) {
    // PIIndex = [54:53], [51], [6]
    const auto index =
        static_cast<unsigned>((field(descriptor, 54, 53) << 2) | (field(descriptor, 51, 51) << 1) |
                              field(descriptor, 6, 6));
    const std::uint64_t code = field(config.s2pir, index * 4 + 3, index * 4);

    WalkPermissions result;
    bool mostly_read_only = false;
    switch (code) {
    case 0x2:
    case 0x3:
    case 0x6:
    case 0x7:
        mostly_read_only = true; // read, and writes of table walks
        result.read = true;
        break;
    case 0x4:
        result.write = true;
        break;
    case 0x8:
    case 0x9:
    case 0xa:
    case 0xb:
    case 0xc:
    case 0xd:
    case 0xe:
    case 0xf:
        result.read = true;
        result.write = bit(code, 2);
        result.execute_el1 = bit(code, 1);
        result.execute_el0 = bit(code, 0);
        break;
    default:
        break; // no access
    }
    result.walk_read = result.rcw_read = result.read;
    result.walk_write = result.rcw_write = mostly_read_only || (result.read && result.write);
    return result;
}

} // namespace

WalkPermissions compute_permissions(const WalkConfig& config, const WalkParameters& parameters,
                                    std::uint64_t descriptor) {
    return parameters.indirect_permissions ? indirect_permissions(config, descriptor)
                                           : direct_permissions(config, parameters, descriptor);
}

PermissionCheck check_permissions(const WalkConfig& config, const WalkParameters& parameters,
                                  const WalkPermissions& permissions, std::uint64_t descriptor,
                                  MemoryType type, const Access& access) {
    const bool device = type == MemoryType::device;

    if (access.kind == AccessKind::fetch) {
        const bool execute =
            access.level == AccessLevel::el0 ? permissions.execute_el0 : permissions.execute_el1;
        const bool refused = device && config.choices.fetch_from_device_faults;
        return {.permitted = execute && !refused};
    }

    bool read = permissions.read;
    bool write = permissions.write;
    if (is_stage1_walk(access)) {
        read = permissions.walk_read;
        write = permissions.walk_write;
    } else if (access.kind == AccessKind::rcw) {
        read = permissions.rcw_read;
        write = permissions.rcw_write;
    }

    // A fault of an access that both reads and writes is a write only if the read was allowed;
    // a stage-1 update is always reported as a write.
    const bool update = access.kind == AccessKind::stage1_update;
    if (is_stage1_walk(access) && device && parameters.protected_walks) {
        return {.permitted = false, .write = writes(access)};
    }
    if (reads(access) && !read) {
        return {.permitted = false, .write = update};
    }
    if (writes(access) && !write) {
        return {.permitted = false, .write = true};
    }
    // With indirect permissions [7] is the dirty state.
    if (writes(access) && parameters.indirect_permissions && !bit(descriptor, 7) &&
        !parameters.dirty_updates) {
        return {.permitted = false, .write = true, .dirty_bit = true};
    }
    return {.write = writes(access)};
}

} // namespace twofold::model
