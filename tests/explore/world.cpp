// SPDX-License-Identifier: MIT
// World: a run from its beginning to its end, the order of its steps, and what they were.
#include "world.hpp"

#include "hash.hpp"

#include <algorithm>
#include <utility>

namespace twofold::test {

World::World(unsigned cpus, unsigned page_bits, unsigned pages_each)
    : page_bits_{page_bits},
      pages_each_{pages_each},
      fibers_{cpus},
      tlb_{cpus, [this](std::uint64_t address) { return peek(address); }},
      words_(std::size_t{cpus + 1} * pages_each << (page_bits - 3)),
      sharing_(words_.size()),
      stops_(std::size_t{1} << (page_bits - 3), true),
      pages_(std::size_t{cpus + 1} * pages_each),
      page_sharing_(pages_.size()),
      cpus_(cpus + 1) {}

void World::begin() {
    judging_ = false;
    for (const std::size_t word : written_) {
        words_[word] = 0;
    }
    written_.clear();
    steps_.clear();
    std::ranges::fill(pages_, Page{});
    std::ranges::fill(cpus_, Cpu{});
    memory_hash_ = 0;
    pages_hash_ = 0;
    failure_.clear();
}

void World::go(const WalkShape& shape, const std::vector<std::uint64_t>& ipas) {
    shape_ = shape;
    steps_.clear();
    const std::size_t root = page_at(shape.root);
    for (unsigned i = 0; i < pages_[root].pages; ++i) {
        pages_[root + i].linked = true;
    }
    for (std::size_t word = word_at(shape.root);
         word < word_at(shape.root) + shape.entries(shape.initial_level); ++word) {
        link(words_[word]);
    }
    tlb_.start(shape, ipas);
    neighbours_known_ = 0;
    watch_deciding();
    judging_ = true;
}

void World::pause() {
    if (scheduled()) {
        fibers_.pause();
    }
}

void World::report(std::string&& what) {
    if (failure_.empty()) {
        failure_.swap(what);
    }
    std::string{}.swap(what);
    pause(); // a CPU that went wrong is not resumed
}

void World::count_step() {
    Cpu& cpu = cpus_[fibers_.running()];
    cpu.seen = mix(cpu.seen, 0); // a step has a place, whatever it finds
    if (++cpu.steps > step_limit_) {
        report("an operation does not come to an end");
    }
}

void World::note(std::uint64_t result) {
    if (scheduled()) {
        Cpu& cpu = cpus_[fibers_.running()];
        cpu.seen = mix(cpu.seen, result);
    }
}

void World::record(Step step) {
    if (telling_) {
        step.cpu = fibers_.running();
        steps_.push_back(step);
    }
}

void World::barrier(Barrier kind) {
    if (!scheduled() || kind == Barrier::isb) {
        return;
    }
    count_step();
    pause();
    record({.kind = StepKind::barrier, .barrier = kind});
    tlb_.barrier(fibers_.running(), kind);
    watch_deciding();
}

void World::tlbi(const TlbiOperation& operation) {
    if (!scheduled()) {
        return;
    }
    count_step();
    pause();
    record({.kind = StepKind::tlbi, .tlbi = operation});
    tlb_.tlbi(fibers_.running(), operation);
}

void World::shared_step() {
    if (!scheduled()) {
        return;
    }
    count_step();
    pause();
    record(StepKind::shared);
    note(engine_state_());
}

void World::begin_operation(const char* name) { record({.kind = StepKind::begin, .name = name}); }

void World::end_operation(const char* name, std::uint64_t result) {
    record({.kind = StepKind::end, .after = result, .name = name});
}

void World::settled() {
    if (auto wrong = tlb_.settled(fibers_.running())) {
        report(std::move(*wrong));
    }
}

std::string World::story() const {
    std::string text;
    for (std::size_t i = 0; i < steps_.size();) {
        // One line for what goes on from entry to entry.
        std::size_t next = i + 1;
        while (next < steps_.size() && steps_[next].cpu == steps_[i].cpu &&
               steps_[next].kind == steps_[i].kind && steps_[i].where != 0 &&
               steps_[next].where == steps_[next - 1].where + 8) {
            ++next;
        }
        text += to_string(steps_[i]) + "\n";
        if (next - i > 2) {
            text += "         ... and " + std::to_string(next - i - 2) + " entries up to\n";
        }
        if (next - i > 1) {
            text += to_string(steps_[next - 1]) + "\n";
        }
        i = next;
    }
    return text;
}

std::uint64_t World::state() const {
    std::uint64_t hash = mix(memory_hash_, pages_hash_);
    hash = mix(hash, tlb_.hash());
    hash = mix(hash, engine_state_());
    for (unsigned cpu = 0; cpu < fibers_.count(); ++cpu) {
        hash = mix(hash, cpus_[cpu].seen);
        hash = mix(hash, fibers_.finished(cpu) ? 1 : 0);
    }
    return hash;
}

} // namespace twofold::test
