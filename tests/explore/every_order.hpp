// SPDX-License-Identifier: MIT
// EveryOrder: a few fibers in every order of their steps, each from the beginning.
#pragma once

#include <cstdint>
#include <functional>

namespace twofold::test {

class EveryOrder {
public:
    // Runs `body` of each fiber in every order of their steps; `begin` before and `end` after each.
    // With `preemptions`, only those in which not more fibers have to stop that could go on.
    // Returns how many orders there are.
    static std::uint64_t run(unsigned count, const std::function<void()>& begin,
                             const std::function<void(unsigned)>& body,
                             const std::function<void()>& end, unsigned preemptions = ~0U);

    // Of a fiber: before each access to what is shared, another may go on. Elsewhere nothing.
    static void step();
    // Of a fiber that can do nothing until another one has made a step.
    static void wait();
};

} // namespace twofold::test
