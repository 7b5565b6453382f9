// SPDX-License-Identifier: MIT
// Which device has an address.
#include "devices/mmio.hpp"

namespace twofold::hyp {

bool MmioBus::add(MmioDevice& device) {
    if (count_ == capacity || device.size() == 0)
        return false;
    if (device.base().value + (device.size() - 1) < device.base().value)
        return false;
    for (std::size_t i = 0; i < count_; ++i) {
        if (devices_[i]->contains(device.base()) || device.contains(devices_[i]->base()))
            return false;
    }
    devices_[count_++] = &device;
    return true;
}

MmioDevice* MmioBus::find(Ipa ipa) const {
    for (std::size_t i = 0; i < count_; ++i) {
        if (devices_[i]->contains(ipa))
            return devices_[i];
    }
    return nullptr;
}

bool MmioBus::access_device(MmioDevice* device, unsigned vcpu, MmioAccess& access) {
    if (access.bytes != 1 && access.bytes != 2 && access.bytes != 4 && access.bytes != 8)
        return false;
    if (device == nullptr || device->size() - (access.ipa - device->base()) < access.bytes)
        return false;
    if (!device->access(vcpu, access))
        return false;
    if (!access.write)
        access.value &= bit_mask(8 * access.bytes - 1, 0);
    return true;
}

} // namespace twofold::hyp
