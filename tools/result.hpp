// SPDX-License-Identifier: MIT
// Result: a value, or one line that says why there is none. As std::expected and
// std::variant, whose destructors clang-tidy 14 cannot read where the value has one.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace twofold::tool {

struct Failure {
    std::string reason;
};

template <class Value>
class [[nodiscard]] Result {
public:
    // NOLINTBEGIN(google-explicit-constructor): so that a function returns either of the two.
    Result(Value value) : value_{std::move(value)} {}
    Result(Failure failure) : error_{std::move(failure.reason)} {}
    // NOLINTEND(google-explicit-constructor)

    explicit operator bool() const { return value_.has_value(); }
    const Value& operator*() const { return *value_; }
    Value& operator*() { return *value_; }
    const Value* operator->() const { return &**this; }
    const std::string& error() const { return error_; }

private:
    std::optional<Value> value_;
    std::string error_;
};

} // namespace twofold::tool
