// SPDX-License-Identifier: MIT
#include "scenario.hpp"

#include "hash.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

namespace twofold::test {

namespace {

// Tables of one CPU in one run: a subtree of two levels with what a retry may take.
constexpr unsigned pages_each = 8;

constexpr unsigned page_bits_of(const Regime& regime) {
    return granule_bits(regime.geometry.granule);
}

void put(std::string& text, const ContentRun& run) {
    char line[120];
    std::snprintf(line, sizeof line, "    %#llx+%#llx -> %#llx, %#llx\n",
                  static_cast<unsigned long long>(run.ipa),
                  static_cast<unsigned long long>(run.length),
                  static_cast<unsigned long long>(run.first.pa),
                  static_cast<unsigned long long>(run.first.bits));
    text += line;
}

std::string to_string(const Result& result) {
    char text[80];
    std::snprintf(text, sizeof text, "%s %d, next %#llx, value %#llx",
                  result.kind == Result::Kind::none   ? "again"
                  : result.kind == Result::Kind::done ? "done"
                                                      : "error",
                  static_cast<int>(result.error),
                  static_cast<unsigned long long>(result.next.value),
                  static_cast<unsigned long long>(result.value));
    return text;
}

} // namespace

void Scenario::Bench::build(World& world, ExplorePort& port, const Regime& regime,
                            const Layout& layout) {
    world.begin();
    // Padding is part of what engine_state() reads.
    storage_.fill(std::byte{0});
    const auto geometry = Geometry::make(regime.features, regime.geometry);
    const auto root = Stage2<ExplorePort>::allocate_root(port, *geometry);
    new (storage_.data()) Stage2<ExplorePort>(port, *geometry, regime.features, *root);
    Invalidation owed;
    layout.fill(table(), owed);
    table().discharge(owed);
}

// Stripes and tickets, which stand after the counters in the tree.
std::uint64_t Scenario::Bench::engine_state() const {
    static const std::size_t first = [] {
        const Geometry geometry =
            *Geometry::make(CpuFeatures{}, {.granule = Granule::k4, .ipa_bits = 32});
        World world{1, 12, 1};
        ExplorePort port{world};
        const Tree<ExplorePort> tree{port, geometry, CpuFeatures{}, Pa{}};
        return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&tree.tickets) -
                                        reinterpret_cast<const std::byte*>(&tree));
    }();
    std::uint64_t hash = 0;
    for (std::size_t i = first; i + 8 <= sizeof(Tree<ExplorePort>); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, storage_.data() + i, 8);
        hash ^= hash_word(i, word);
    }
    return hash;
}

Scenario::Scenario(const Regime& regime, Layout layout,
                   std::vector<std::vector<Operation>> programs, std::vector<std::uint64_t> watched)
    : regime_{regime},
      layout_{std::move(layout)},
      programs_{std::move(programs)},
      watched_{std::move(watched)},
      world_{static_cast<unsigned>(programs_.size()), page_bits_of(regime), pages_each},
      alone_{static_cast<unsigned>(programs_.size()), page_bits_of(regime), pages_each} {
    for (const auto& program : programs_) {
        auto& names = names_.emplace_back();
        for (const Operation& operation : program) {
            names.push_back(to_string(operation));
        }
    }
    world_.set_engine_state([this] { return bench_.engine_state(); });
}

std::string Scenario::name() const {
    std::string text = std::string{layout_.name} + ": ";
    for (std::size_t cpu = 0; cpu < names_.size(); ++cpu) {
        text += cpu == 0 ? "" : " | ";
        for (std::size_t i = 0; i < names_[cpu].size(); ++i) {
            text += (i == 0 ? "" : ", ") + names_[cpu][i];
        }
    }
    return text;
}

WalkShape Scenario::shape(const World& /*world*/, const Stage2<ExplorePort>& table) const {
    return {.page_bits = page_bits_of(regime_),
            .initial_level = table.geometry().initial_level(),
            .ipa_bits = table.geometry().ipa_bits(),
            .root = table.root().value,
            .block_changes = regime_.features.bbm >= 2};
}

void Scenario::begin() {
    results_ = {};
    bench_.build(world_, port_, regime_, layout_);
    world_.go(shape(world_, bench_.table()), watched_);
}

void Scenario::run(unsigned cpu) {
    Invalidation owed;
    for (std::size_t i = 0; i < programs_[cpu].size(); ++i) {
        world_.begin_operation(names_[cpu][i].c_str());
        const Result result = test::run(bench_.table(), world_, programs_[cpu][i], owed);
        results_[cpu][i] = result;
        world_.end_operation(names_[cpu][i].c_str(), static_cast<std::uint64_t>(result.kind));
    }
    if (programs_[cpu].back().by_hardware()) {
        return;
    }
    world_.begin_operation("discharge");
    bench_.table().discharge(owed);
    world_.settled();
    world_.end_operation("discharge", 0);
}

std::vector<ContentRun> Scenario::content(const World& world, const WalkShape& shape) const {
    std::vector<ContentRun> runs;
    const auto add = [&](std::uint64_t ipa, std::uint64_t size, std::uint64_t d, int level) {
        constexpr std::uint64_t attributes =
            0x7fc | std::uint64_t{1} << 51 | std::uint64_t{3} << 53 | std::uint64_t{15} << 55;
        constexpr std::uint64_t annotation = 0b0100;
        ContentRun run{.ipa = ipa, .length = size};
        if (shape.is_leaf(d, level)) {
            run.first = {shape.address(d, level), (d & attributes) | 1};
        } else if ((d & 0xf) == annotation) {
            run.first = {0, d};
        } else {
            return;
        }
        if (!runs.empty()) {
            ContentRun& last = runs.back();
            const std::uint64_t step = (run.first.bits & 1) != 0 ? last.length : 0;
            if (last.ipa + last.length == ipa && last.first.bits == run.first.bits &&
                last.first.pa + step == run.first.pa) {
                last.length += size;
                return;
            }
        }
        runs.push_back(run);
    };
    const auto walk = [&](auto& self, std::uint64_t table, int level, std::uint64_t ipa) -> void {
        const std::uint64_t size = std::uint64_t{1} << shape.shift(level);
        for (std::uint64_t i = 0; i < shape.entries(level); ++i) {
            const std::uint64_t d = world.peek(table + 8 * i);
            if (shape.is_table(d, level)) {
                self(self, shape.next_table(d), level + 1, ipa + i * size);
            } else {
                add(ipa + i * size, size, d, level);
            }
        }
    };
    walk(walk, shape.root, shape.initial_level, 0);
    return runs;
}

Scenario::End Scenario::run_in_order(const std::vector<std::uint8_t>& order, const Results& done) {
    alone_bench_.build(alone_, alone_port_, regime_, layout_);
    const WalkShape walked = shape(alone_, alone_bench_.table());
    alone_.go(walked, {});
    End end;
    std::array<std::size_t, max_cpus> next = {};
    Invalidation owed;
    for (const std::uint8_t cpu : order) {
        const std::size_t i = next[cpu]++;
        const Result& said = done[cpu][i];
        if (said.kind == Result::Kind::none) {
            continue;
        }
        Operation operation = programs_[cpu][i];
        if (said.kind == Result::Kind::done && said.next > operation.ipa) {
            operation.length = std::min(operation.length, said.next - operation.ipa);
        }
        end.results[cpu][i] = test::run(alone_bench_.table(), alone_, operation, owed);
        alone_bench_.table().discharge(owed);
    }
    end.content = content(alone_, walked);
    return end;
}

const std::vector<Scenario::End>& Scenario::sequential_ends(const Results& results) {
    std::string key;
    for (const auto& of_cpu : results) {
        for (const Result& result : of_cpu) {
            key += static_cast<char>('0' + static_cast<int>(result.kind));
            key += std::to_string(result.kind == Result::Kind::done ? result.next.value : 0) + " ";
        }
    }
    const auto known = sequential_.find(key);
    if (known != sequential_.end()) {
        return known->second;
    }
    std::vector<std::uint8_t> order;
    for (std::size_t cpu = 0; cpu < programs_.size(); ++cpu) {
        order.insert(order.end(), programs_[cpu].size(), static_cast<std::uint8_t>(cpu));
    }
    std::vector<End>& ends = sequential_[key];
    do {
        ends.push_back(run_in_order(order, results));
    } while (std::ranges::next_permutation(order).found);
    return ends;
}

void Scenario::end() {
    const End is{.content = content(world_, world_.shape()), .results = results_};
    const std::vector<End>& ends = sequential_ends(results_);
    if (std::ranges::find(ends, is) != ends.end()) {
        ++judged_;
        return;
    }
    std::string text = "the end is that of no order of the operations:\n";
    const auto put_end = [&](const End& end) {
        for (std::size_t cpu = 0; cpu < programs_.size(); ++cpu) {
            for (std::size_t i = 0; i < programs_[cpu].size(); ++i) {
                text += "    " + names_[cpu][i] + ": " + to_string(end.results[cpu][i]) + "\n";
            }
        }
        for (const ContentRun& run : end.content) {
            put(text, run);
        }
    };
    put_end(is);
    for (const End& end : ends) {
        text += "  in order:\n";
        put_end(end);
    }
    world_.report(std::move(text));
}

} // namespace twofold::test
