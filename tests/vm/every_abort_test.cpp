// SPDX-License-Identifier: MIT
// Every fault status code of the manual, for every kind of access, where there is memory, a hole, a
// read-only slot, or no table any more: each has its outcome.
#include "guest.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

namespace twofold::test {
namespace {

// What a status asks for.
enum class Asks : std::uint8_t {
    memory,
    access_flag,
    external, // these give the guest an abort of the same kind
    external_on_walk,
    alignment,
    atomic,
    invalidation,
    table_broken, // these stop the vCPU
    unexpected,
};

// DFSC and IFSC, as the manual's description of ESR_EL2 lists them for data and instruction aborts.
struct Status {
    unsigned code = 0;
    Asks asks = Asks::unexpected;
    const char* name = "";
};
constexpr Status statuses[] = {
    {0b000000, Asks::table_broken, "address size, level 0"},
    {0b000001, Asks::table_broken, "address size, level 1"},
    {0b000010, Asks::table_broken, "address size, level 2"},
    {0b000011, Asks::table_broken, "address size, level 3"},
    {0b000100, Asks::memory, "translation, level 0"},
    {0b000101, Asks::memory, "translation, level 1"},
    {0b000110, Asks::memory, "translation, level 2"},
    {0b000111, Asks::memory, "translation, level 3"},
    {0b001000, Asks::access_flag, "access flag, level 0"}, // FEAT_LPA2
    {0b001001, Asks::access_flag, "access flag, level 1"},
    {0b001010, Asks::access_flag, "access flag, level 2"},
    {0b001011, Asks::access_flag, "access flag, level 3"},
    {0b001100, Asks::memory, "permission, level 0"}, // FEAT_LPA2
    {0b001101, Asks::memory, "permission, level 1"},
    {0b001110, Asks::memory, "permission, level 2"},
    {0b001111, Asks::memory, "permission, level 3"},
    {0b010000, Asks::external, "synchronous external abort"},
    {0b010001, Asks::unexpected, "synchronous tag check fault"}, // FEAT_MTE2; taken to EL1
    {0b010010, Asks::external_on_walk, "external abort on a walk, level -2"}, // FEAT_D128
    {0b010011, Asks::external_on_walk, "external abort on a walk, level -1"}, // FEAT_LPA2
    {0b010100, Asks::external_on_walk, "external abort on a walk, level 0"},
    {0b010101, Asks::external_on_walk, "external abort on a walk, level 1"},
    {0b010110, Asks::external_on_walk, "external abort on a walk, level 2"},
    {0b010111, Asks::external_on_walk, "external abort on a walk, level 3"},
    {0b011000, Asks::external, "parity or ECC error"},
    {0b011011, Asks::external_on_walk, "parity or ECC error on a walk, level -1"},
    {0b011100, Asks::external_on_walk, "parity or ECC error on a walk, level 0"},
    {0b011101, Asks::external_on_walk, "parity or ECC error on a walk, level 1"},
    {0b011110, Asks::external_on_walk, "parity or ECC error on a walk, level 2"},
    {0b011111, Asks::external_on_walk, "parity or ECC error on a walk, level 3"},
    {0b100001, Asks::alignment, "alignment"},
    {0b100010, Asks::unexpected, "granule protection fault on a walk, level -2"}, // FEAT_RME
    {0b100011, Asks::unexpected, "granule protection fault on a walk, level -1"},
    {0b100100, Asks::unexpected, "granule protection fault on a walk, level 0"},
    {0b100101, Asks::unexpected, "granule protection fault on a walk, level 1"},
    {0b100110, Asks::unexpected, "granule protection fault on a walk, level 2"},
    {0b100111, Asks::unexpected, "granule protection fault on a walk, level 3"},
    {0b101000, Asks::unexpected, "granule protection fault"},
    {0b101001, Asks::table_broken, "address size, level -1"}, // FEAT_LPA2
    {0b101010, Asks::memory, "translation, level -2"},        // FEAT_D128
    {0b101011, Asks::memory, "translation, level -1"},        // FEAT_LPA2
    {0b101100, Asks::table_broken, "address size, level -2"}, // FEAT_D128
    {0b110000, Asks::invalidation, "TLB conflict"},
    {0b110001, Asks::table_broken, "unsupported atomic hardware update"}, // FEAT_HAFDBS
    {0b110100, Asks::unexpected, "IMPLEMENTATION DEFINED, lockdown"},
    {0b110101, Asks::atomic, "IMPLEMENTATION DEFINED, unsupported exclusive or atomic"},
};
constexpr unsigned permission_codes = 0b001100; // and the three levels behind it

// ISS bits by hand: ISV 24, SAS 23:22, SRT 20:16, VNCR 13, FnV 10, CM 8, S1PTW 7, WnR 6.
struct Access {
    const char* name = "";
    bool fetch = false;
    std::uint64_t iss = 0;

    bool has(unsigned bit) const { return (iss >> bit & 1) != 0; }
    bool walk() const { return has(7); }
    bool maintenance() const { return has(8) && !walk(); }
    // On a walk WnR belongs to the access that it is for.
    bool write() const { return has(6) && !has(8) && !walk(); }
};
constexpr std::uint64_t word_in_x1 = 1ULL << 24 | 2ULL << 22 | 1ULL << 16;
constexpr Access accesses[] = {
    {"read", false, word_in_x1},
    {"read of two registers", false, 0},
    {"write", false, word_in_x1 | 1 << 6},
    {"write of two registers", false, 1 << 6},
    {"write, FAR not valid", false, word_in_x1 | 1 << 10 | 1 << 6},
    {"fetch", true, 0},
    {"walk for a read", false, 1 << 7},
    {"walk for a write", false, 1 << 7 | 1 << 6},
    {"walk, with a syndrome", false, word_in_x1 | 1 << 7},
    {"walk for a fetch", true, 1 << 7},
    {"cache maintenance", false, 1 << 8 | 1 << 6},
    {"cache maintenance, with a syndrome", false, word_in_x1 | 1 << 8 | 1 << 6},
    {"walk for cache maintenance", false, 1 << 8 | 1 << 7 | 1 << 6},
};

enum class Place : std::uint8_t { memory, read_only, hole, beyond };
constexpr Place places[] = {Place::memory, Place::read_only, Place::hole, Place::beyond};
constexpr Ipa rom{0x8000'0000};
constexpr Ipa nothing{0x0900'0000};
constexpr Ipa outside{std::uint64_t{1} << 40};

Ipa address(Place place) {
    switch (place) {
    case Place::memory:
        return ram + 0x5018;
    case Place::read_only:
        return rom + 0x5018;
    case Place::hole:
        return nothing + 0x5018;
    case Place::beyond:
        return outside + 0x5018;
    }
    return {};
}

Resolution inject(const Access& access, InjectedFault fault) {
    return Resolution::inject({.fault = fault,
                               .instruction = access.fetch,
                               .write = access.has(6),
                               .cache_maintenance = access.has(8)});
}

// Nobody has memory for it.
Resolution without_memory(const Access& access, Place place) {
    if (access.walk()) {
        return inject(access, InjectedFault::external_on_walk);
    }
    if (access.maintenance()) {
        return Resolution::skip();
    }
    const bool complete = access.has(24) && !access.has(10) && !access.fetch;
    return complete ? Resolution::emulate({.ipa = address(place),
                                           .write = access.write(),
                                           .syndrome = {.bytes = 4, .reg = 1, .reg_is_64 = false},
                                           .read_only_slot = place == Place::read_only})
                    : inject(access, InjectedFault::external);
}

Resolution expected(const Status& status, const Access& access, Place place) {
    switch (status.asks) {
    case Asks::memory: {
        const bool permission = (status.code & 0b111100) == permission_codes;
        // A walk is denied a permission when hardware wants to update a stage-1 table, and cache
        // maintenance when it is DC IVAC: both want to write.
        const bool writes =
            access.write() || (permission && (access.walk() || access.maintenance()));
        if (place == Place::beyond) {
            return inject(access, InjectedFault::address_size);
        }
        if (place == Place::memory || (place == Place::read_only && !writes)) {
            return Resolution::resume();
        }
        return without_memory(access, place);
    }
    case Asks::access_flag: // what had none is gone: a translation fault comes next
        return place == Place::beyond ? inject(access, InjectedFault::address_size)
                                      : Resolution::nothing_to_do();
    case Asks::external:
        return inject(access, InjectedFault::external);
    case Asks::external_on_walk:
        return inject(access, InjectedFault::external_on_walk);
    case Asks::alignment:
        return inject(access, InjectedFault::alignment);
    case Asks::atomic:
        return inject(access, InjectedFault::unsupported_atomic);
    case Asks::invalidation:
        return Resolution::resume();
    case Asks::table_broken:
        return Resolution::stop(StopReason::table_broken);
    case Asks::unexpected:
        return Resolution::stop(StopReason::unexpected_fault);
    }
    return {};
}

Abort abort_of(unsigned code, const Access& access, Ipa ipa) {
    const std::uint64_t ec = access.fetch ? 0x20 : 0x24;
    return *Abort::decode(ec << 26 | 1ULL << 25 | access.iss | code, (ipa.value >> 12) << 4,
                          0xffff'0000'1234'0000 | (ipa.value & 0xfff));
}

struct Tried {
    Tried() {
        guest.add_ram();
        guest.add({.range = {.start = rom, .length = GiB}, .writable = false});
    }
    // The IPA is given where a CPU does not say it: by a stage-1 translation.
    Resolution handle(unsigned code, const Access& access, Place place) {
        const Abort abort = abort_of(code, access, address(place));
        return guest.machine.handle(abort,
                                    abort.ipa ? std::nullopt : std::optional{address(place)});
    }
    Guest guest;
};

TEST(EveryAbort, HasItsOutcome) {
    for (const Status& status : statuses) {
        for (const Access& access : accesses) {
            for (const Place place : places) {
                SCOPED_TRACE(std::string{status.name} + ", " + access.name + ", place " +
                             std::to_string(static_cast<int>(place)));
                Tried tried;
                ASSERT_EQ(tried.handle(status.code, access, place),
                          expected(status, access, place));
            }
        }
    }
}

// Codes that the manual does not give a meaning: nobody knows what they want.
TEST(EveryAbort, ReservedCodesStopTheVcpu) {
    std::set<unsigned> known;
    for (const Status& status : statuses) {
        EXPECT_TRUE(known.insert(status.code).second) << status.name;
    }
    EXPECT_EQ(known.size(), 46U);
    for (unsigned code = 0; code < 64; ++code) {
        if (known.contains(code)) {
            continue;
        }
        for (const Access& access : accesses) {
            for (const Place place : places) {
                Tried tried;
                ASSERT_EQ(tried.handle(code, access, place),
                          Resolution::stop(StopReason::unexpected_fault))
                    << code << " " << access.name;
            }
        }
    }
}

// FEAT_NV2: an access through VNCR_EL2, which no guest is offered. The bit is for data aborts only.
TEST(EveryAbort, AccessesThroughVncrStopTheVcpu) {
    for (const Status& status : statuses) {
        Tried tried;
        ASSERT_EQ(tried.handle(status.code, {"vncr", false, 1 << 13 | 1 << 6}, Place::memory),
                  Resolution::stop(StopReason::unexpected_fault))
            << status.name;
        ASSERT_EQ(tried.handle(status.code, {"fetch", true, 1 << 13}, Place::hole),
                  expected(status, {"fetch", true, 0}, Place::hole))
            << status.name;
    }
}

// A permission fault does not say where, but for that of a table walk.
TEST(EveryAbort, WithoutAnIpaTheVcpuStops) {
    for (unsigned code = permission_codes; code < permission_codes + 4; ++code) {
        for (const Access& access : accesses) {
            Tried tried;
            const Abort abort = abort_of(code, access, address(Place::memory));
            ASSERT_EQ(tried.guest.machine.handle(abort),
                      access.walk() ? Resolution::resume()
                                    : Resolution::stop(StopReason::ipa_unknown))
                << access.name;
        }
    }
}

} // namespace
} // namespace twofold::test
