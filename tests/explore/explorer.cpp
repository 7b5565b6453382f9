// SPDX-License-Identifier: MIT
#include "explorer.hpp"

#include <unordered_set>
#include <utility>
#include <vector>

namespace twofold::test {

namespace {

using Schedule = std::vector<std::uint8_t>; // the CPU of each step

class Search {
public:
    Search(Explored& explored, const ExplorationBounds& bounds)
        : explored_{explored},
          world_{explored.world()},
          bounds_{bounds} {}

    Exploration run() {
        world_.limit_steps(bounds_.steps);
        do {
            ++result_.rounds;
            world_.learn();
            result_.schedules = result_.states = result_.runs = 0;
            seen_.clear();
            open_.clear();
            follow({}, 0);
            while (!world_.learned() && result_.failure.empty()) {
                auto [schedule, preemptions] = next();
                if (schedule.empty()) {
                    break;
                }
                follow(std::move(schedule), preemptions);
            }
        } while (world_.learned() && result_.failure.empty());
        return std::move(result_);
    }

private:
    std::pair<Schedule, std::size_t> next() {
        for (std::size_t preemptions = 0; preemptions < open_.size(); ++preemptions) {
            if (!open_[preemptions].empty()) {
                Schedule schedule = std::move(open_[preemptions].back());
                open_[preemptions].pop_back();
                return {std::move(schedule), preemptions};
            }
        }
        return {};
    }

    void follow(Schedule schedule, std::size_t preemptions) {
        Fibers& fibers = world_.fibers();
        const std::size_t given = schedule.size();
        ++result_.runs;
        set_off();
        unsigned last = Fibers::none;
        for (std::size_t step = 0;; ++step) {
            unsigned choice = choose(last);
            if (world_.failed() || choice == Fibers::none) {
                break;
            }
            if (step < given) {
                choice = schedule[step];
            } else {
                if (!seen_.insert(world_.state()).second) {
                    return;
                }
                if (++result_.states > bounds_.states) {
                    fail("more states than the bound allows");
                    return;
                }
                leave_others(schedule, choice, last, preemptions);
                schedule.push_back(static_cast<std::uint8_t>(choice));
            }
            fibers.resume(choice);
            last = choice;
        }
        if (!world_.failed()) {
            ++result_.schedules;
            result_.longest = std::max(result_.longest, schedule.size());
            world_.finish();
            explored_.end();
        }
        if (world_.failed()) {
            fail(world_.failure());
            tell(schedule);
        }
    }

    // The same once more, for the story.
    void tell(const Schedule& schedule) {
        world_.tell_story(true);
        set_off();
        for (std::size_t step = 0; step < schedule.size() && !world_.failed(); ++step) {
            world_.fibers().resume(schedule[step]);
        }
        result_.story = world_.story();
        world_.tell_story(false);
    }

    // To the first step of each that anybody else can tell.
    void set_off() {
        Fibers& fibers = world_.fibers();
        explored_.begin();
        fibers.start([this](unsigned cpu) { explored_.run(cpu); });
        for (unsigned cpu = 0; cpu < fibers.count() && !world_.failed(); ++cpu) {
            fibers.resume(cpu);
        }
    }

    // The CPU that ran goes on, if it can.
    unsigned choose(unsigned last) const {
        const Fibers& fibers = world_.fibers();
        if (last != Fibers::none && !fibers.finished(last)) {
            return last;
        }
        for (unsigned cpu = 0; cpu < fibers.count(); ++cpu) {
            if (!fibers.finished(cpu)) {
                return cpu;
            }
        }
        return Fibers::none;
    }

    void leave_others(const Schedule& so_far, unsigned choice, unsigned last,
                      std::size_t preemptions) {
        const Fibers& fibers = world_.fibers();
        const std::size_t cost = preemptions + (choice == last ? 1 : 0);
        open_.resize(std::max(open_.size(), cost + 1));
        for (unsigned cpu = 0; cpu < fibers.count(); ++cpu) {
            if (cpu != choice && !fibers.finished(cpu)) {
                open_[cost].push_back(so_far);
                open_[cost].back().push_back(static_cast<std::uint8_t>(cpu));
            }
        }
    }

    void fail(const std::string& what) { result_.failure = what; }

    Explored& explored_;
    World& world_;
    ExplorationBounds bounds_;
    Exploration result_ = {};
    std::unordered_set<std::uint64_t> seen_ = {};
    std::vector<std::vector<Schedule>> open_ = {}; // by the number of preemptions
};

} // namespace

Exploration explore(Explored& explored, const ExplorationBounds& bounds) {
    return Search{explored, bounds}.run();
}

} // namespace twofold::test
