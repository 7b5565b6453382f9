// SPDX-License-Identifier: MIT
// Commas, quotes and line ends.
#include "report/json_writer.hpp"

namespace twofold::hyp {

JsonWriter::JsonWriter(TextSink& sink) : sink_{sink} { open('{'); }

void JsonWriter::open(char bracket) {
    sink_.put({&bracket, 1});
    ++depth_;
    const std::uint64_t bit = std::uint64_t{1} << depth_;
    not_first_ &= ~bit;
    is_list_ = bracket == '[' ? is_list_ | bit : is_list_ & ~bit;
}

void JsonWriter::close(char bracket) {
    --depth_;
    sink_.put({&bracket, 1});
}

void JsonWriter::separate() {
    const std::uint64_t bit = std::uint64_t{1} << depth_;
    if ((not_first_ & bit) != 0)
        sink_.put(",");
    const bool new_line = depth_ == 1 || (is_list_ & bit) != 0;
    if (new_line)
        sink_.put(depth_ == 1 ? "\n " : "\n  ");
    else if ((not_first_ & bit) != 0)
        sink_.put(" ");
    not_first_ |= bit;
}

void JsonWriter::quoted(std::string_view value) {
    sink_.put("\"");
    for (const char c : value) {
        if (c == '"' || c == '\\')
            sink_.put("\\");
        // Names come from a command line: nothing that needs a longer escape belongs into one.
        sink_.put(static_cast<unsigned char>(c) < 0x20 ? std::string_view{" "}
                                                       : std::string_view{&c, 1});
    }
    sink_.put("\"");
}

void JsonWriter::key(std::string_view name) {
    separate();
    quoted(name);
    sink_.put(": ");
}

void JsonWriter::begin_object(std::string_view name) {
    key(name);
    open('{');
}

void JsonWriter::end_object() { close('}'); }

void JsonWriter::begin_list(std::string_view name) {
    key(name);
    open('[');
}

void JsonWriter::end_list() { close(']'); }

void JsonWriter::begin_element() {
    separate();
    open('{');
}

void JsonWriter::text(std::string_view name, std::string_view value) {
    key(name);
    quoted(value);
}

void JsonWriter::boolean(std::string_view name, bool value) {
    key(name);
    sink_.put(value ? "true" : "false");
}

void JsonWriter::hexadecimal(std::string_view name, std::uint64_t value) {
    key(name);
    format_to(sink_, "\"{:#x}\"", value);
}

void JsonWriter::element(std::string_view value) {
    separate();
    quoted(value);
}

void JsonWriter::finish() {
    close('}');
    sink_.put("\n");
}

} // namespace twofold::hyp
