// SPDX-License-Identifier: MIT
// Who may do what: S2AP, XN with and without FEAT_XNX, DBM, and the indirect permissions.
#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

namespace twofold::model::testing {
namespace {

constexpr std::uint64_t root = 0x8000'0000;

// One page at IPA 0 in a 39-bit regime.
WalkResult access_page(const WalkConfig& config, std::uint64_t descriptor, AccessKind kind,
                       AccessLevel level = AccessLevel::el1) {
    SparseMemory memory;
    Chain{memory, root, 12, 1, 39}.put(0, 3, descriptor);
    return walk(config, memory, Ipa{0}, {.kind = kind, .level = level});
}

constexpr Vtcr v39{.t0sz = 25, .sl0 = 1};

TEST(Permissions, S2ap) {
    struct Case {
        std::uint64_t s2ap;
        bool read;
        bool write;
    };
    constexpr Case cases[] = {
        {0, false, false}, {1, true, false}, {2, false, true}, {3, true, true}};
    for (const Case& c : cases) {
        const std::uint64_t page = 0x43f | c.s2ap << 6;
        const WalkConfig config = plain_cpu(v39, root);
        const auto allowed = [&](AccessKind kind) {
            const WalkResult result = access_page(config, page, kind);
            EXPECT_TRUE(result.translated() || result.faulted(FaultKind::permission, 3));
            return result.translated();
        };
        EXPECT_EQ(allowed(AccessKind::load), c.read);
        EXPECT_EQ(allowed(AccessKind::at_read), c.read);
        EXPECT_EQ(allowed(AccessKind::stage1_walk), c.read);
        EXPECT_EQ(allowed(AccessKind::store), c.write);
        EXPECT_EQ(allowed(AccessKind::at_write), c.write);
        EXPECT_EQ(allowed(AccessKind::dc_zva), c.write);
        EXPECT_EQ(allowed(AccessKind::atomic), c.read && c.write);
        EXPECT_EQ(allowed(AccessKind::rcw), c.read && c.write);
        EXPECT_EQ(allowed(AccessKind::stage1_update), c.read && c.write);
        EXPECT_TRUE(allowed(AccessKind::fetch)); // execute needs no read
    }
}

TEST(Permissions, ExecuteNever) {
    struct Case {
        std::uint64_t xn; // [54:53]
        bool el1;
        bool el0;
    };
    constexpr Case with_xnx[] = {
        {0, true, true}, {1, false, true}, {2, false, false}, {3, true, false}};
    constexpr Case without[] = {
        {0, true, true}, {1, true, true}, {2, false, false}, {3, false, false}};
    for (unsigned i = 0; i < 4; ++i) {
        WalkConfig config = plain_cpu(v39, root);
        const auto fetches = [&](const Case& c, AccessLevel level) {
            return access_page(config, page_rw | c.xn << 53, AccessKind::fetch, level).translated();
        };
        EXPECT_EQ(fetches(without[i], AccessLevel::el1), without[i].el1);
        EXPECT_EQ(fetches(without[i], AccessLevel::el0), without[i].el0);
        config.xnx = true;
        EXPECT_EQ(fetches(with_xnx[i], AccessLevel::el1), with_xnx[i].el1);
        EXPECT_EQ(fetches(with_xnx[i], AccessLevel::el0), with_xnx[i].el0);
    }
}

TEST(Permissions, DbmAllowsWritesOnlyWithHardwareDirtyState) {
    const std::uint64_t clean = std::uint64_t{1} << 51 | 0x77f; // DBM, read-only
    EXPECT_TRUE(access_page(full_cpu(v39, root), clean, AccessKind::store)
                    .faulted(FaultKind::permission, 3));
    Vtcr vtcr = v39;
    vtcr.hd = true; // HD without HA does nothing
    EXPECT_TRUE(access_page(full_cpu(vtcr, root), clean, AccessKind::store)
                    .faulted(FaultKind::permission, 3));
    vtcr.ha = true;
    EXPECT_TRUE(access_page(full_cpu(vtcr, root), clean, AccessKind::store).translated());
    EXPECT_TRUE(access_page(plain_cpu(vtcr, root), clean, AccessKind::store)
                    .faulted(FaultKind::permission, 3)); // no FEAT_HAFDBS
}

TEST(Permissions, FetchFromDeviceIsTheCpusChoice) {
    const std::uint64_t device = 0x7c3;
    WalkConfig config = plain_cpu(v39, root);
    EXPECT_TRUE(access_page(config, device, AccessKind::fetch).faulted(FaultKind::permission, 3));
    config.choices.fetch_from_device_faults = false;
    EXPECT_TRUE(access_page(config, device, AccessKind::fetch).translated());
}

TEST(Permissions, ProtectedTableWalk) {
    const std::uint64_t device = 0x7c3;
    WalkConfig config = plain_cpu(v39, root);
    EXPECT_TRUE(access_page(config, device, AccessKind::stage1_walk).translated());
    config.hcr = 0x5; // PTW
    const WalkResult result = access_page(config, device, AccessKind::stage1_walk);
    EXPECT_TRUE(result.faulted(FaultKind::permission, 3));
    EXPECT_EQ(result.fault.iss, 0x8fU);
    EXPECT_TRUE(access_page(config, page_rw, AccessKind::stage1_walk).translated());
    EXPECT_TRUE(access_page(config, device, AccessKind::load).translated());
    config.hcr = 0x0800'0005; // TGE makes PTW void
    EXPECT_TRUE(access_page(config, device, AccessKind::stage1_walk).translated());
}

TEST(Permissions, Indirect) {
    struct Case {
        std::uint64_t code;
        const char* allowed; // r, w, p (execute at EL1), u (execute at EL0), t (writes of walks)
    };
    constexpr Case cases[] = {
        {0x0, ""},    {0x1, ""},     {0x2, "rt"},   {0x3, "rt"},    {0x4, "w"},  {0x5, ""},
        {0x6, "rt"},  {0x7, "rt"},   {0x8, "r"},    {0x9, "ru"},    {0xa, "rp"}, {0xb, "rpu"},
        {0xc, "rwt"}, {0xd, "rwtu"}, {0xe, "rwtp"}, {0xf, "rwtpu"},
    };
    Vtcr vtcr = v39;
    vtcr.s2pie = true;
    for (const Case& c : cases) {
        for (std::uint64_t index = 0; index < 16; ++index) {
            SCOPED_TRACE(::testing::Message() << "code " << c.code << " index " << index);
            WalkConfig config = full_cpu(vtcr, root);
            config.s2pir = c.code << (index * 4);
            // PIIndex is [54:53], [51], [6]; [7] is the dirty state.
            const std::uint64_t page =
                0x7bf | (index & 1) << 6 | (index >> 1 & 1) << 51 | (index >> 2) << 53;
            const std::string_view allowed = c.allowed;
            const auto has = [&](char right) { return allowed.find(right) != allowed.npos; };
            const auto can = [&](AccessKind kind, AccessLevel level = AccessLevel::el1) {
                return access_page(config, page, kind, level).translated();
            };
            EXPECT_EQ(can(AccessKind::load), has('r'));
            EXPECT_EQ(can(AccessKind::store), has('w'));
            EXPECT_EQ(can(AccessKind::fetch), has('p'));
            EXPECT_EQ(can(AccessKind::fetch, AccessLevel::el0), has('u'));
            EXPECT_EQ(can(AccessKind::stage1_walk), has('r'));
            EXPECT_EQ(can(AccessKind::stage1_update), has('t'));
            EXPECT_EQ(can(AccessKind::rcw), has('t'));
        }
    }
}

TEST(Permissions, IndirectWriteNeedsTheDirtyState) {
    Vtcr vtcr = v39;
    vtcr.s2pie = true;
    WalkConfig config = full_cpu(vtcr, root);
    config.s2pir = 0xcccc'cccc'cccc'cccc;
    const WalkResult clean = access_page(config, 0x73f, AccessKind::store);
    ASSERT_TRUE(clean.faulted(FaultKind::permission, 3));
    EXPECT_TRUE(clean.fault.dirty_bit);
    EXPECT_EQ(clean.fault.iss2, 0x20U);
    EXPECT_TRUE(access_page(config, 0x73f, AccessKind::load).translated());
    EXPECT_TRUE(access_page(config, 0x7bf, AccessKind::store).translated());
}

} // namespace
} // namespace twofold::model::testing
