// SPDX-License-Identifier: MIT
// The page without its data: scripts/web.sh makes it out of tools/report/web.
#pragma once

#include <span>
#include <string_view>

namespace twofold::tool {

// To be put together; none if the build had no page.
std::span<const std::string_view> page_template();

} // namespace twofold::tool
