// SPDX-License-Identifier: MIT
// JsonWriter: writes one JSON document into a sink, a line for each element of a list and for each
// member of the outermost object.
#pragma once

#include "runtime/format.hpp"

#include <concepts>
#include <cstdint>
#include <string_view>

namespace twofold::hyp {

class JsonWriter {
public:
    // Begins the outermost object.
    explicit JsonWriter(TextSink& sink);

    void begin_object(std::string_view name);
    void end_object();
    void begin_list(std::string_view name);
    void end_list();
    // An object that is an element of a list.
    void begin_element();

    void text(std::string_view name, std::string_view value);
    void boolean(std::string_view name, bool value);
    void hexadecimal(std::string_view name, std::uint64_t value);
    template <std::integral T>
    void number(std::string_view name, T value) {
        key(name);
        format_to(sink_, "{}", value);
    }
    // A string that is an element of a list.
    void element(std::string_view value);

    // Ends the outermost object.
    void finish();

private:
    void separate();
    void key(std::string_view name);
    void quoted(std::string_view value);
    void open(char bracket);
    void close(char bracket);

    TextSink& sink_;
    unsigned depth_ = 0;
    std::uint64_t not_first_ = 0; // bit n: something stands at depth n already
    std::uint64_t is_list_ = 0;   // bit n: depth n is a list
};

} // namespace twofold::hyp
