// SPDX-License-Identifier: MIT
#include "every_order.hpp"

#include "fibers.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <vector>

namespace twofold::test {

namespace {

Fibers* fibers = nullptr;
std::uint32_t waiting = 0; // fibers, until another has made a step

} // namespace

std::uint64_t EveryOrder::run(unsigned count, const std::function<void()>& begin,
                              const std::function<void(unsigned)>& body,
                              const std::function<void()>& end, unsigned preemptions) {
    // The fibers that may go on at a step, from the one that has made the step before on.
    struct Choice {
        std::uint32_t left = 0; // those that have not been tried
        unsigned taken = 0;
    };
    Fibers all{count};
    fibers = &all;
    std::vector<Choice> choices;
    std::uint64_t runs = 0;
    do {
        begin();
        all.start(body);
        waiting = 0;
        unsigned last = count;
        unsigned used = 0; // preemptions
        for (std::size_t step = 0;; ++step) {
            std::uint32_t ready = 0;
            for (unsigned fiber = 0; fiber < count; ++fiber) {
                ready |= all.finished(fiber) ? 0U : 1U << fiber;
            }
            ready &= ~waiting;
            if (ready == 0) {
                break;
            }
            const bool goes_on = last < count && (ready >> last & 1) != 0;
            if (goes_on && used == preemptions) {
                ready = 1U << last;
            }
            if (step == choices.size()) {
                const unsigned first =
                    goes_on ? last : static_cast<unsigned>(std::countr_zero(ready));
                choices.push_back({.left = ready & ~(1U << first), .taken = first});
            }
            const unsigned fiber = choices[step].taken;
            used += goes_on && fiber != last ? 1U : 0U;
            last = fiber;
            const std::uint32_t before = waiting;
            all.resume(fiber);
            waiting &= ~before | 1U << fiber;
        }
        for (unsigned fiber = 0; fiber < count; ++fiber) {
            EXPECT_TRUE(all.finished(fiber)) << "fiber " << fiber << " waits for nobody";
        }
        end();
        ++runs;
        while (!choices.empty() && choices.back().left == 0) {
            choices.pop_back();
        }
        if (!choices.empty()) {
            Choice& choice = choices.back();
            choice.taken = static_cast<unsigned>(std::countr_zero(choice.left));
            choice.left &= choice.left - 1;
        }
    } while (!choices.empty());
    fibers = nullptr;
    return runs;
}

void EveryOrder::step() {
    if (fibers != nullptr && fibers->running() != Fibers::none) {
        fibers->pause();
    }
}

void EveryOrder::wait() {
    waiting |= 1U << fibers->running();
    fibers->pause();
}

} // namespace twofold::test
