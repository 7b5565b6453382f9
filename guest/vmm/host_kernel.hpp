// SPDX-License-Identifier: MIT
// What the host's kernel says of stage-2 tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace twofold::vmm {

// The bytes of all tables of guests: SecPageTables.
std::uint64_t table_bytes();

// The text of stage2_page_tables, which not every kernel has.
std::optional<std::string> table_dump(int vm);

} // namespace twofold::vmm
