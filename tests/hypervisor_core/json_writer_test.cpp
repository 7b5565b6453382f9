// SPDX-License-Identifier: MIT
// The report's JSON.
#include "report/json_writer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twofold::hyp {
namespace {

class StringSink final : public TextSink {
public:
    void put(std::string_view text) override { text_ += text; }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

TEST(JsonWriter, WritesADocument) {
    StringSink sink;
    JsonWriter json{sink};
    json.number("version", 1);
    json.begin_object("guest");
    json.text("name", "a \"b\" \\ c");
    json.boolean("lpa2", false);
    json.number("level", -1);
    json.hexadecimal("vtcr", 0x8000'3558);
    json.end_object();
    json.begin_list("features");
    json.element("FWB");
    json.element("XNX");
    json.end_list();
    json.begin_list("mappings");
    json.begin_element();
    json.number("size", 4096U);
    json.number("count", 2U);
    json.end_object();
    json.begin_element();
    json.end_object();
    json.end_list();
    json.begin_list("none");
    json.end_list();
    json.finish();
    EXPECT_EQ(sink.text(), "{\n"
                           " \"version\": 1,\n"
                           " \"guest\": {\"name\": \"a \\\"b\\\" \\\\ c\", \"lpa2\": false, "
                           "\"level\": -1, \"vtcr\": \"0x80003558\"},\n"
                           " \"features\": [\n  \"FWB\",\n  \"XNX\"],\n"
                           " \"mappings\": [\n  {\"size\": 4096, \"count\": 2},\n  {}],\n"
                           " \"none\": []}\n");
}

TEST(JsonWriter, ControlCharactersDoNotBreakIt) {
    StringSink sink;
    JsonWriter json{sink};
    json.text("name", "a\n\tb");
    json.finish();
    EXPECT_EQ(sink.text(), "{\n \"name\": \"a  b\"}\n");
}

} // namespace
} // namespace twofold::hyp
