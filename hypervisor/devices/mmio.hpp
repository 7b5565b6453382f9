// SPDX-License-Identifier: MIT
// MmioBus: finds the emulated device for an access of a guest to an address without memory.
#pragma once

#include <twofold/arch/address.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace twofold::hyp {

struct MmioAccess {
    Ipa ipa;
    unsigned bytes = 0; // 1, 2, 4 or 8
    bool write = false;
    std::uint64_t value = 0; // what is written, or the result of a read, zero-extended
};

class MmioDevice {
public:
    constexpr MmioDevice() = default;
    MmioDevice(const MmioDevice&) = delete;
    MmioDevice& operator=(const MmioDevice&) = delete;

    Ipa base() const { return base_; }
    std::uint64_t size() const { return size_; }
    bool contains(Ipa ipa) const { return ipa >= base_ && ipa - base_ < size_; }

    // False: the access gets a synchronous external abort. Called with no lock held, on the CPU of
    // `vcpu`, after VirtualGic::on_guest_exit.
    virtual bool access(unsigned vcpu, MmioAccess& access) = 0;

protected:
    ~MmioDevice() = default;
    void place(Ipa base, std::uint64_t size) {
        base_ = base;
        size_ = size;
    }

private:
    Ipa base_;
    std::uint64_t size_ = 0;
};

// Devices are added before the first guest runs; afterwards the bus is only read.
class MmioBus {
public:
    static constexpr std::size_t capacity = 16;

    constexpr MmioBus() = default;

    // False when the bus is full, or the device is empty or overlaps another.
    bool add(MmioDevice& device);
    MmioDevice* find(Ipa ipa) const;
    // False: no device there, or it does not take this access. A read is cut to its size.
    bool access(unsigned vcpu, MmioAccess& access) const {
        return access_device(find(access.ipa), vcpu, access);
    }
    // The same of the device that find() has found there, if any.
    static bool access_device(MmioDevice* device, unsigned vcpu, MmioAccess& access);

private:
    std::array<MmioDevice*, capacity> devices_{};
    std::size_t count_ = 0;
};

} // namespace twofold::hyp
