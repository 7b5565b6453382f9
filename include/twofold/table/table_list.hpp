// SPDX-License-Identifier: MIT
// Operations on a TableList: tables that wait to be used or freed, threaded through descriptor 0.
#pragma once

#include <twofold/table/invalidation.hpp>
#include <twofold/table/port.hpp>

#include <cstdint>

namespace twofold::table_list {

// Tells the last table from one that is followed by the table at address 0. Bit 0 stays clear: to
// hardware that still walks the table, the link is an invalid descriptor.
inline constexpr std::uint64_t has_next = 2;

template <TablePort Port>
void push(Port& port, TableList& list, Pa table) {
    port.table(table).publish(0, list.head ? list.head->value | has_next : 0);
    list.head = table;
    ++list.count;
}

// The descriptor 0 of the table that comes back is zero again.
template <TablePort Port>
Pa pop(Port& port, TableList& list) {
    const Pa table = *list.head;
    auto entries = port.table(table);
    const std::uint64_t link = entries.load(0);
    entries.store(0, 0);
    list.head = (link & has_next) != 0 ? std::optional{Pa{link & ~has_next}} : std::nullopt;
    --list.count;
    return table;
}

} // namespace twofold::table_list
