// SPDX-License-Identifier: MIT
// Putting JSON together, with bounds: the library's own parser has none, and searches an object's
// keys one by one.
#include "tools/report/json_reader.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

// The command's own documents have less than ten levels, some dozens of keys in an object (a VM's
// statistics) and some thousands of values beside their runs.
constexpr std::size_t most_depth = 32;
constexpr std::size_t most_keys = 4096;
constexpr std::size_t most_values = 1'000'000;
constexpr std::size_t longest_string = 1U << 16;

class Builder : public nlohmann::json_sax<Json> {
public:
    explicit Builder(const TakeRun& take_run) : take_run_{take_run} {}

    const std::string& error() const { return error_; }
    Json& document() { return document_; }

    bool null() override { return put({}); }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(number_integer_t value) override { return put(value); }
    bool number_unsigned(number_unsigned_t value) override { return put(value); }
    bool number_float(number_float_t value, const string_t& /*text*/) override {
        // So that it fits every integer that it may be taken for.
        constexpr double most = 9e18;
        return std::abs(value) < most ? put(value) : fail("a number is too large");
    }
    bool string(string_t& value) override {
        return value.size() <= longest_string
                   ? put(std::move(value))
                   : fail(fmt::format("a string is longer than {} bytes", longest_string));
    }
    bool binary(binary_t& /*value*/) override { return fail("binary values are no JSON"); }
    bool start_object(std::size_t /*count*/) override { return begin(Json::object()); }
    bool start_array(std::size_t /*count*/) override { return begin(Json::array()); }
    bool end_object() override { return end(); }
    bool end_array() override { return end(); }
    bool key(string_t& value) override {
        if (value.size() > longest_string || open_.back().value.size() >= most_keys) {
            return fail(fmt::format("an object has more than {} keys, or long ones", most_keys));
        }
        open_.back().next_key = std::move(value);
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return fail(fmt::format("no JSON at byte {}", position));
    }

private:
    struct Open {
        Json value;
        std::string key; // in its parent
        std::string next_key;
    };

    bool fail(std::string why) {
        error_ = error_.empty() ? std::move(why) : error_;
        return false;
    }
    bool begin(Json empty) {
        if (open_.size() == most_depth) {
            return fail(fmt::format("it is more than {} levels deep", most_depth));
        }
        if (is_run_list()) {
            values_before_run_ = values_;
        }
        std::string key = open_.empty() ? std::string{} : open_.back().next_key;
        open_.push_back({std::move(empty), std::move(key), {}});
        return true;
    }
    bool end() {
        Json value = std::move(open_.back().value);
        open_.pop_back();
        return put(std::move(value));
    }
    // What changed has runs as well, which say something else.
    bool is_run_list() const {
        if (open_.size() < 2 || !open_.back().value.is_array() || open_.back().key != "runs") {
            return false;
        }
        for (const Open& open : open_) {
            if (open.key == "change") {
                return false;
            }
        }
        return true;
    }
    std::string owner() const {
        std::string path;
        for (std::size_t i = 1; i + 1 < open_.size(); ++i) {
            const Open& parent = open_[i - 1];
            path += path.empty() ? "" : "/";
            path += parent.value.is_array() ? std::to_string(parent.value.size()) : open_[i].key;
        }
        return path;
    }
    bool put(Json value) {
        if (open_.empty()) {
            document_ = std::move(value);
            return true;
        }
        if (is_run_list()) {
            try {
                take_run_(owner(), value);
                values_ = values_before_run_;
                return true;
            } catch (const Json::exception& error) {
                return fail(fmt::format("a run has another form: {}", error.what()));
            }
        }
        if (++values_ > most_values) {
            return fail(fmt::format("there are more than {} values beside runs", most_values));
        }
        Open& parent = open_.back();
        if (parent.value.is_array()) {
            parent.value.push_back(std::move(value));
        } else {
            parent.value[parent.next_key] = std::move(value);
        }
        return true;
    }

    const TakeRun& take_run_;
    std::vector<Open> open_;
    std::size_t values_ = 0;
    std::size_t values_before_run_ = 0;
    Json document_;
    std::string error_;
};

} // namespace

Result<Json> read_json(std::istream& text, const TakeRun& take_run) {
    Builder builder{take_run};
    if (!Json::sax_parse(text, &builder)) {
        return Failure{builder.error()};
    }
    return std::move(builder.document());
}

} // namespace twofold::tool
