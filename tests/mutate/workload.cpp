// SPDX-License-Identifier: MIT
// The workload of planted faults: random operations of two CPUs on one table under the checker, in
// a few geometries. Ends at the first report, with its rule on standard output and status 3.
#include "table/adversary.hpp"
#include "table/choices.hpp"

#include <twofold/model/hardware_step.hpp>
#include <twofold/table/stage2.hpp>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace twofold::test {
namespace {

class Workload {
public:
    Workload(const Geometry& geometry, const CpuFeatures& features, std::uint64_t seed)
        : geometry_{geometry},
          features_{features},
          random_{seed},
          port_{Pa{0x8'4000'0000}, 32 * MiB},
          adversary_{port_, geometry_, features_},
          table_{adversary_.port(), geometry_, features_,
                 *Stage2<TestPort>::allocate_root(adversary_.port(), geometry_)},
          guest_{walk_config(features_, geometry_, table_.root(), VtcrOptions::of(features_))} {
        adversary_.start(table_.root());
        // At once: what a fault does next may be the end of the program.
        adversary_.port().listen(
            [](void* workload, const model::Event&) {
                static_cast<Workload*>(workload)->stop_at_report();
            },
            this);
    }

    void run(unsigned steps) {
        for (unsigned i = 0; i < steps; ++i) {
            port_.current_cpu = static_cast<unsigned>(below(2));
            if (one_in(6)) {
                toggle_section();
            }
            if (one_in(20)) {
                take_over();
            }
            if (one_in(100)) {
                scatter();
            }
            step();
            if (!one_in(3)) {
                settle();
            }
            (void)model::hardware_step(adversary_.port(), guest_, Ipa{place()}, one_in(2));
            stop_at_report();
        }
        section_.reset();
        port_.end_section();
        for (port_.current_cpu = 0; port_.current_cpu < 2; ++port_.current_cpu) {
            settle();
        }
        port_.current_cpu = 0;
        adversary_.port().all_done();
        stop_at_report();
        adversary_.stop();
    }

private:
    std::uint64_t below(std::uint64_t n) { return random_.below(n); }
    bool one_in(std::uint64_t n) { return random_.one_in(n); }
    std::uint64_t page() const { return geometry_.page_size(); }
    Invalidation& owed() { return owed_[port_.current_cpu]; }

    // The other CPU enters or leaves a section, and stays there over some operations.
    void toggle_section() {
        const unsigned me = port_.current_cpu;
        if (section_) {
            section_.reset();
            port_.end_section();
        } else {
            port_.current_cpu = 1 - me;
            section_.emplace(adversary_.port());
            port_.another_in_section = true;
            section_cpu_ = port_.current_cpu;
        }
        port_.current_cpu = me;
    }

    void settle() {
        table_.discharge(owed());
        adversary_.expect_clean();
    }

    void stop_at_report() {
        if (!adversary_.failures().empty()) {
            std::puts(adversary_.failures().front().c_str());
            std::fflush(stdout);
            std::_Exit(3);
        }
    }

    // What one CPU unmaps, maybe the last of its table, another maps before it is invalidated.
    void take_over() {
        const Ipa ipa{5 * geometry_.entry_size(page_level - 1) + page() * below(3)};
        (void)table_.map_if_absent({ipa, Pa{page()}, page(), attributes()});
        if (one_in(2)) { // then the table stays
            (void)table_.map_if_absent({ipa + 8 * page(), Pa{0}, page(), attributes()});
        }
        (void)table_.unmap(ipa, page(), owed());
        port_.current_cpu = 1 - port_.current_cpu;
        const MapRequest other{ipa, Pa{2 * page()}, page(), attributes()};
        if (one_in(2)) {
            (void)table_.map_if_absent(other);
        } else {
            (void)table_.map(other, owed());
        }
    }

    // More ranges than an Invalidation keeps apart.
    void scatter() {
        const Ipa ipa{6 * geometry_.entry_size(page_level - 1)};
        (void)table_.map({ipa, Pa{}, 32 * page(), attributes(), page()}, owed());
        settle();
        for (unsigned i = 0; i < 32; i += 2) {
            (void)table_.unmap(ipa + i * page(), page(), owed());
        }
        settle();
    }

    // One of a few places, so that operations meet.
    std::uint64_t place() {
        const std::uint64_t large = geometry_.entry_size(page_level - 1);
        const std::uint64_t slots = std::min<std::uint64_t>(4, geometry_.ipa_limit() / large);
        const std::uint64_t pages = one_in(3) ? 3 : one_in(2) ? 40 : large / page();
        return below(slots) * large + page() * below(pages);
    }

    struct Request {
        Ipa ipa = {};
        std::uint64_t length = 0;
        Pa pa = {};
    };
    Request request() {
        const std::uint64_t large = geometry_.entry_size(page_level - 1);
        Request r;
        if (one_in(16)) { // a run of large entries
            r.length = large * geometry_.contiguous_run(page_level - 1);
            r.pa = Pa{r.length * below(2)};
            return r;
        }
        if (one_in(3)) { // a few whole large entries
            r.ipa = Ipa{align_down(place(), large)};
            r.length = large * (1 + below(2));
        } else if (one_in(2)) { // whole contiguous runs
            const std::uint64_t run = page() * geometry_.contiguous_run(page_level);
            r.ipa = Ipa{align_down(place(), run)};
            r.length = run * (1 + below(2));
        } else {
            r.ipa = Ipa{place()};
            r.length = page() * (one_in(2) ? 1 : 1 + below(20));
        }
        r.length = std::min(r.length, geometry_.ipa_limit() - r.ipa.value);
        // Few outputs: the same again is not rare. Mostly alike in the lower bits.
        r.pa = Pa{r.ipa.value + large * below(2)};
        if (one_in(5)) {
            r.pa += page() * below(3);
        }
        return r;
    }
    // Too long for pages.
    bool is_long(const Request& r) const {
        return r.length > 4 * geometry_.entry_size(page_level - 1);
    }
    Attributes attributes() {
        Attributes a;
        a.type = one_in(4) ? MemoryType::device_nGnRE : MemoryType::normal_wb;
        a.permissions = one_in(2)   ? Permissions::rwx()
                        : one_in(2) ? Permissions::rw()
                                    : Permissions::rx();
        a.access_flag = !one_in(5);
        a.dbm = features_.dirty_state && one_in(3);
        a.fnxs = features_.xs && one_in(2);
        return a;
    }

    // With or without a budget, until all is done or the caller has had enough.
    template <class Call>
    void in_steps(const Request& r, const Call& call) {
        const std::uint64_t budget = one_in(4) ? 20 + below(60) : Progress::unlimited;
        Progress progress;
        do {
            progress.budget = budget;
        } while (call(&progress) && progress.next < r.ipa + r.length && !one_in(8));
    }

    // What is there is found first, and changed where it was found.
    void fault(const Request& r) {
        const auto section = table_.section();
        const RawEntry found = table_.entry(r.ipa);
        if (found.is_leaf) {
            (void)table_.relax_now_at(found, r.ipa, Permissions::rwx());
        } else {
            (void)table_.map_at(found, {r.ipa, r.pa, page(), attributes()});
        }
    }

    void step() {
        const Request r = request();
        const auto ignore = [](Ipa, std::uint64_t) {};
        switch (below(14)) {
        case 0:
        case 1:
            map(r);
            break;
        case 2:
            if (one_in(2)) {
                (void)table_.map_if_absent({r.ipa, r.pa, page(), attributes()});
            } else {
                fault(r);
            }
            break;
        case 3:
            (void)table_.map_if_absent({r.ipa, r.pa, r.length, attributes()});
            break;
        case 4:
            if (one_in(20)) {
                (void)table_.unmap(Ipa{0}, geometry_.ipa_limit(), owed());
            } else {
                in_steps(r, [&](Progress* p) {
                    return table_.unmap(r.ipa, r.length, owed(), p).has_value();
                });
            }
            break;
        case 5: {
            const Permissions permissions = attributes().permissions;
            in_steps(r, [&](Progress* p) {
                return table_.protect(r.ipa, r.length, permissions, owed(), p).has_value();
            });
            break;
        }
        case 6:
            (void)table_.relax(r.ipa, Permissions::rwx(), owed());
            break;
        case 7:
            (void)table_.make_young(r.ipa);
            break;
        case 8:
            (void)table_.write_protect(r.ipa, r.length, owed());
            break;
        case 9:
            (void)table_.test_and_clear_young(r.ipa, r.length, ignore,
                                              one_in(2) ? &owed() : nullptr);
            break;
        case 10:
            (void)table_.collect_dirty(r.ipa, r.length, owed(), ignore);
            break;
        case 11:
            in_steps(r, [&](Progress* p) {
                return table_.track_writes(r.ipa, r.length, owed(), ignore, p).has_value();
            });
            break;
        case 12:
            if (!is_long(r)) {
                (void)table_.split(r.ipa, r.length, page(), owed());
            }
            break;
        default:
            if (one_in(3)) {
                (void)table_.annotate(r.ipa, r.length, 7, owed());
                if (one_in(2)) {
                    map(r);
                }
            } else {
                (void)table_.collapse(
                    Ipa{0}, std::min(8 * MiB + 64 * page(), geometry_.ipa_limit()), owed());
            }
        }
    }
    void map(const Request& r) {
        const MapRequest request{r.ipa, r.pa, r.length, attributes(),
                                 one_in(3) && !is_long(r) ? page() : ~std::uint64_t{0}};
        in_steps(r, [&](Progress* p) { return table_.map(request, owed(), p).has_value(); });
    }

    Geometry geometry_;
    CpuFeatures features_;
    SeededChoices random_;
    HostPort port_;
    Adversary adversary_;
    Stage2<TestPort> table_;
    model::WalkConfig guest_;
    Invalidation owed_[2] = {};
    std::optional<TestPort::Section> section_ = {};
    unsigned section_cpu_ = 0;
};

struct Setting {
    GeometryRequest request;
    unsigned bbm;
    bool modern; // FEAT_TLBIRANGE, FEAT_TTL, FEAT_XNX, FEAT_S2FWB, FEAT_XS
};

void run(const Setting& setting, std::uint64_t seed, unsigned steps) {
    CpuFeatures f = full_features();
    f.bbm = setting.bbm;
    f.tlbi_range = f.ttl = f.xnx = f.fwb = f.xs = setting.modern;
    const auto geometry = Geometry::make(f, setting.request);
    if (!geometry) {
        std::puts("no such geometry");
        std::_Exit(1);
    }
    Workload{*geometry, f, seed}.run(steps);
}

} // namespace
} // namespace twofold::test

// [STEPS [SEED]]
int main(int argc, char** argv) {
    using namespace twofold;
    const auto steps = static_cast<unsigned>(argc > 1 ? std::atoi(argv[1]) : 1500);
    const test::Setting settings[] = {
        {{.granule = Granule::k4, .ipa_bits = 36}, 0, true},
        {{.granule = Granule::k4, .ipa_bits = 36}, 2, true},
        {{.granule = Granule::k4, .ipa_bits = 40}, 0, false},
        {{.granule = Granule::k16, .ipa_bits = 36, .lpa2 = true}, 0, true},
        {{.granule = Granule::k64, .ipa_bits = 34}, 0, true},
    };
    auto seed = static_cast<std::uint64_t>(argc > 2 ? std::atoi(argv[2]) : 1);
    for (const test::Setting& setting : settings) {
        test::run(setting, seed++, steps);
    }
}
