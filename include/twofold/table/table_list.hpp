// SPDX-License-Identifier: MIT
// Operations on a TableList: tables that wait to be used or freed, threaded through descriptor 0.
#pragma once

#include <twofold/table/invalid_entry.hpp>
#include <twofold/table/invalidation.hpp>
#include <twofold/table/port.hpp>

#include <cstdint>

namespace twofold::table_list {

// The link is an invalid descriptor to hardware that still walks the table, and a broken one to
// a fault that still looks at it: it leaves it alone.
inline constexpr std::uint64_t has_next = 8;
inline constexpr std::uint64_t not_address = invalid_entry::broken | has_next;

constexpr std::uint64_t link_of(const TableList& list) {
    return invalid_entry::broken | (list.head ? list.head->value | has_next : 0);
}

// A table that walkers and faults may still be in.
template <TablePort Port>
void push(Port& port, TableList& list, Pa table) {
    port.table(table).exchange(0, link_of(list));
    list.head = table;
    ++list.count;
}
// A table that was never linked.
template <TablePort Port>
void push_unlinked(Port& port, TableList& list, Pa table) {
    port.table(table).store(0, link_of(list));
    list.head = table;
    ++list.count;
}

template <TablePort Port>
Pa take_head(TableList& list, std::uint64_t link) {
    const Pa table = *list.head;
    list.head = (link & has_next) != 0 ? std::optional{Pa{link & ~not_address}} : std::nullopt;
    --list.count;
    return table;
}
// One that walkers and faults may still be in: the link stays.
template <TablePort Port>
Pa pop(Port& port, TableList& list) {
    return take_head<Port>(list, port.table(*list.head).load(0));
}
// One that was never linked: its descriptor 0 is zero again.
template <TablePort Port>
Pa pop_unlinked(Port& port, TableList& list) {
    auto entries = port.table(*list.head);
    const std::uint64_t link = entries.load(0);
    entries.store(0, 0);
    return take_head<Port>(list, link);
}

} // namespace twofold::table_list
