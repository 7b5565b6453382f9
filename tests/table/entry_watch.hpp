// SPDX-License-Identifier: MIT
// EntryWatch: follows one entry through an operation. A valid value may be followed only by itself,
// or by invalid and then an invalidation.
#pragma once

#include "machine.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <vector>

namespace twofold::test {

class EntryWatch {
public:
    EntryWatch(Machine& m, std::initializer_list<unsigned> path)
        : m_{m},
          path_{path},
          note_{m.port.on_invalidate} {
        last_ = now();
        m.port.on_change = [this] { look(); };
        m.port.on_invalidate = [this](const Invalidation& all) {
            EXPECT_EQ(now() & 1, 0U) << "still valid while it is invalidated";
            EXPECT_EQ(frees_, 0U) << "freed before the invalidation";
            invalidated_ = true;
            note_(all);
        };
        m.port.on_free = [this](Pa, std::uint64_t) {
            EXPECT_TRUE(invalidated_);
            ++frees_;
        };
    }
    ~EntryWatch() {
        m_.port.on_change = nullptr;
        m_.port.on_free = nullptr;
        m_.port.on_invalidate = note_;
    }
    EntryWatch(const EntryWatch&) = delete;
    EntryWatch& operator=(const EntryWatch&) = delete;

    unsigned frees() const { return frees_; }

private:
    std::uint64_t now() {
        return path_.size() == 1 ? m_.raw({path_[0]}) : m_.raw({path_[0], path_[1]});
    }
    void look() {
        const std::uint64_t value = now();
        if ((last_ & 1) != 0 && value != last_) {
            EXPECT_EQ(value & 1, 0U) << "replaced without a break";
        }
        if ((last_ & 1) == 0 && (value & 1) != 0) {
            EXPECT_TRUE(invalidated_) << "valid again before the invalidation";
        }
        last_ = value;
    }

    Machine& m_;
    std::vector<unsigned> path_;
    std::function<void(const Invalidation&)> note_;
    std::uint64_t last_ = 0;
    bool invalidated_ = false;
    unsigned frees_ = 0;
};

} // namespace twofold::test
