// SPDX-License-Identifier: MIT
// ExplorePort: the engine's port to a World. Each call is one step of the CPU that runs.
#pragma once

#include "world.hpp"

#include <twofold/table/port.hpp>

namespace twofold::test {

class ExplorePort {
public:
    explicit ExplorePort(World& world) : world_{world} {}

    class Table {
    public:
        Table(World& world, Pa pa) : world_{&world}, pa_{pa} {}
        std::uint64_t load(unsigned i) const { return world_->load(pa_, i); }
        void store(unsigned i, std::uint64_t value) { world_->store(pa_, i, value); }
        void publish(unsigned i, std::uint64_t value) { world_->publish(pa_, i, value); }
        std::uint64_t exchange(unsigned i, std::uint64_t value) {
            return world_->exchange(pa_, i, value);
        }
        std::uint64_t clear_bits(unsigned i, std::uint64_t mask) {
            return world_->clear_bits(pa_, i, mask);
        }
        std::uint64_t set_bits(unsigned i, std::uint64_t mask) {
            return world_->set_bits(pa_, i, mask);
        }
        bool compare_exchange(unsigned i, std::uint64_t before, std::uint64_t after) {
            return world_->compare_exchange(pa_, i, before, after);
        }

    private:
        World* world_;
        Pa pa_;
    };
    Table table(Pa pa) { return {world_, pa}; }

    std::optional<Pa> allocate(std::uint64_t bytes) { return world_.allocate(bytes); }
    void free(Pa pa, std::uint64_t bytes) { world_.free(pa, bytes); }
    void retire(Pa pa, std::uint64_t bytes) { world_.retire(pa, bytes); }

    class Section {
    public:
        explicit Section(World& world) : world_{world} { world_.enter_section(); }
        ~Section() { world_.leave_section(); }
        Section(const Section&) = delete;
        Section& operator=(const Section&) = delete;

    private:
        World& world_;
    };
    Section section() { return Section{world_}; }

    void barrier(Barrier kind) { world_.barrier(kind); }
    void tlbi(const TlbiOperation& operation) { world_.tlbi(operation); }
    // Beside the tables the engine keeps stripes and tickets.
    void step() { world_.shared_step(); }

private:
    World& world_;
};
static_assert(TablePort<ExplorePort>);

} // namespace twofold::test
