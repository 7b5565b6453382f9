// SPDX-License-Identifier: MIT
// Result: a value, or one line that says why there is none. As std::expected, whose destructor
// clang-tidy 14 cannot read where the value has one.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace twofold::tool {

struct Failure {
    std::string reason;
};

template <class Value>
class [[nodiscard]] Result {
public:
    // NOLINTBEGIN(google-explicit-constructor): so that a function returns either of the two.
    Result(Value value) : content_{std::move(value)} {}
    Result(Failure failure) : content_{std::move(failure)} {}
    // NOLINTEND(google-explicit-constructor)

    explicit operator bool() const { return std::holds_alternative<Value>(content_); }
    const Value& operator*() const { return std::get<Value>(content_); }
    Value& operator*() { return std::get<Value>(content_); }
    const Value* operator->() const { return &**this; }
    const std::string& error() const { return std::get<Failure>(content_).reason; }

private:
    std::variant<Value, Failure> content_;
};

} // namespace twofold::tool
