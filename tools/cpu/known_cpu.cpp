// SPDX-License-Identifier: MIT
// The table of CPU models.
#include "tools/cpu/known_cpu.hpp"

#include <algorithm>
#include <array>

namespace twofold::tool {

namespace {

// mmfr3 is zero on every model: QEMU 7.2 reserves the register.
constexpr std::array cpus = {
    KnownCpu{"everything",
             {.mmfr0 = 0x0000'0323'1020'1126,
              .mmfr1 = 0x0000'0110'1021'1123,
              .mmfr2 = 0x1221'0110'1001'1011,
              .mmfr3 = 0x0000'0000'0000'1000,
              .isar0 = 0x1221'1111'1021'2120,
              .isar1 = 0x0111'1111'0121'1012,
              .ctr = 0xb444'c004}},
    KnownCpu{"max",
             {.mmfr0 = 0x0000'0323'1020'1126,
              .mmfr1 = 0x0000'0110'1021'1122,
              .mmfr2 = 0x1021'0110'1001'1011,
              .isar0 = 0x1221'1111'1021'2120,
              .isar1 = 0x0011'1111'0121'1012,
              .ctr = 0x8444'c004}},
    KnownCpu{"neoverse-n1",
             {.mmfr0 = 0x0010'1125,
              .mmfr1 = 0x1021'2122,
              .mmfr2 = 0x1011,
              .isar0 = 0x1000'1021'1120,
              .isar1 = 0x0010'0001,
              .ctr = 0x8444'c004}},
    KnownCpu{"cortex-a76",
             {.mmfr0 = 0x0010'1122,
              .mmfr1 = 0x1021'2122,
              .mmfr2 = 0x1011,
              .isar0 = 0x1000'1021'1120,
              .isar1 = 0x0010'0001,
              .ctr = 0x8444'c004}},
    KnownCpu{"cortex-a72", {.mmfr0 = 0x1124, .isar0 = 0x1'1120, .ctr = 0x8444'c004}},
    KnownCpu{"cortex-a57", {.mmfr0 = 0x1124, .isar0 = 0x1'1120, .ctr = 0x8444'c004}},
    KnownCpu{"cortex-a53", {.mmfr0 = 0x1122, .isar0 = 0x1'1120, .ctr = 0x8444'8004}},
};

} // namespace

std::span<const KnownCpu> known_cpus() { return cpus; }

const KnownCpu* find_cpu(std::string_view name) {
    const auto* const found = std::ranges::find(cpus, name, &KnownCpu::name);
    return found == cpus.end() ? nullptr : found;
}

} // namespace twofold::tool
