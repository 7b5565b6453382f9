// SPDX-License-Identifier: MIT
// Permissions: what a stage-2 leaf lets a guest do (S2AP and XN).
#pragma once

#include <twofold/arch/error.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

struct Permissions {
    bool read = false;
    bool write = false;
    bool execute_el1 = false;
    bool execute_el0 = false;

    static constexpr Permissions r() { return {.read = true}; }
    static constexpr Permissions rw() { return {.read = true, .write = true}; }
    static constexpr Permissions rx() {
        return {.read = true, .execute_el1 = true, .execute_el0 = true};
    }
    static constexpr Permissions rwx() {
        return {.read = true, .write = true, .execute_el1 = true, .execute_el0 = true};
    }

    constexpr bool execute() const { return execute_el1 || execute_el0; }
    // Whether everything that `other` allows is allowed here.
    constexpr bool include(Permissions other) const {
        return read >= other.read && write >= other.write && execute_el1 >= other.execute_el1 &&
               execute_el0 >= other.execute_el0;
    }
    constexpr Permissions operator|(Permissions other) const {
        return {.read = read || other.read,
                .write = write || other.write,
                .execute_el1 = execute_el1 || other.execute_el1,
                .execute_el0 = execute_el0 || other.execute_el0};
    }
    constexpr Permissions operator&(Permissions other) const {
        return {.read = read && other.read,
                .write = write && other.write,
                .execute_el1 = execute_el1 && other.execute_el1,
                .execute_el0 = execute_el0 && other.execute_el0};
    }
    constexpr bool operator==(const Permissions&) const = default;

    // [7:6] S2AP: bit 0 allows reads, bit 1 writes.
    constexpr std::uint64_t s2ap() const {
        return (read ? std::uint64_t{1} : 0) | (write ? std::uint64_t{2} : 0);
    }
    // [54:53] XN. Without FEAT_XNX only bit 54 exists, so EL0 and EL1 cannot differ.
    constexpr std::expected<std::uint64_t, Error> xn(bool has_xnx) const {
        if (execute_el1 != execute_el0 && !has_xnx) {
            return std::unexpected(Error::execute_needs_xnx);
        }
        // 00 both, 01 EL0, 10 none, 11 EL1
        return (execute_el0 ? 0b00 : 0b10) | (execute_el1 != execute_el0 ? 0b01 : 0b00);
    }
    static constexpr Permissions decode(std::uint64_t s2ap, std::uint64_t xn, bool has_xnx) {
        const std::uint64_t effective = has_xnx ? xn : xn & 0b10;
        return {.read = (s2ap & 1) != 0,
                .write = (s2ap & 2) != 0,
                .execute_el1 = effective == 0b00 || effective == 0b11,
                .execute_el0 = effective == 0b00 || effective == 0b01};
    }
};

} // namespace twofold
