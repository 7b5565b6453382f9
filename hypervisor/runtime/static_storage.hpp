// SPDX-License-Identifier: MIT
// StaticStorage: a place for an object that is made at run time and lives as long as the machine. A
// static object with a destructor would need a list of what to do at exit.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace twofold::hyp {

template <typename T>
class StaticStorage {
public:
    constexpr StaticStorage() = default;

    // Once, before any other use.
    template <typename... Arguments>
    T& make(Arguments&&... arguments) {
        object_ = new (bytes_) T(std::forward<Arguments>(arguments)...);
        return *object_;
    }

    T& operator*() { return *object_; }
    const T& operator*() const { return *object_; }
    T* operator->() { return object_; }
    const T* operator->() const { return object_; }

private:
    alignas(T) std::byte bytes_[sizeof(T)]{};
    T* object_ = nullptr;
};

} // namespace twofold::hyp
