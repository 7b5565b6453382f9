// SPDX-License-Identifier: MIT
// Puts a Linux kernel, its initrd and its device tree into a guest's memory.
#pragma once

#include "boot/boot_tree.hpp"
#include "devices/guest_tree.hpp"
#include "guest/guest_ram.hpp"
#include "guest/linux_image.hpp"

#include <expected>
#include <string_view>

namespace twofold::hyp {

struct LoadedGuest {
    Ipa entry;
    Ipa tree;
};

// `tree` says everything but the initrd's address.
std::expected<LoadedGuest, std::string_view>
load_linux(GuestRam& memory, const GuestModules& modules, GuestTree tree);

} // namespace twofold::hyp
