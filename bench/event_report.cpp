// SPDX-License-Identifier: MIT
// Events and boots against their ceilings. KVM's figures: Linux on the same QEMU, the best of the
// kernels tried.
#include "event_report.hpp"

#include "measured.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <string>

namespace twofold::bench {

namespace {

constexpr double unlimited = 0;

struct EventLimit {
    const char* name;
    double at_most; // instructions, from that of the guest to the guest's next
    double kvm;     // 0: not known
};

constexpr std::array<EventLimit, 12> event_limits{{
    {"hvc", 150, 992},
    {"mmio_read", 450, 1616},
    {"fault_4k_write", 700, 3616},
    {"fault_4k_read", 700, 3616},
    {"fault_2m", 700, 2960},
    {"fault_1g", 700, 2784},
    {"exec_fault_4k", 700, 3600},
    {"dirty_log_fault_4k", 600, 2736},
    {"dirty_log_split_2m", 4000, 3472},
    // The rest of the divided block is still mapped: no exit.
    {"after_split_2m", 10, 0},
    {"log_enable_1g", unlimited, 0},
    {"log_harvest_1g", unlimited, 0},
}};

struct BootLimit {
    const char* name;
    const char* extent;
    double ratio;
    double kvm_ratio;
    double faults;
};

constexpr std::array<BootLimit, 3> boot_limits{{
    {"boot_1g", "1G", 1.02, 1.2, unlimited},
    {"boot_2m", "2M", 1.02, 1.2, unlimited},
    {"boot_4k", "4K", 1.05, 1.34, 2500},
}};

std::string number_or_nothing(double number, int digits = 0) {
    return number == 0 ? "-" : fmt::format("{:.{}f}", number, digits);
}

class Ceilings {
public:
    void check(const std::string& what, double measured, double at_most) {
        if (at_most == unlimited || measured <= at_most) {
            return;
        }
        fmt::print(stderr, "twofold-bench-report: {} is {:.4g}, more than {}\n", what, measured,
                   at_most);
        kept_ = false;
    }
    Verdict verdict() const { return kept_ ? Verdict::within : Verdict::beyond; }

private:
    bool kept_ = true;
};

Verdict incomplete(const std::string& what) {
    fmt::print(stderr, "twofold-bench-report: {} was not measured or was cut short\n", what);
    return Verdict::incomplete;
}

Verdict report_exits(const std::filesystem::path& folder, nlohmann::json& list,
                     Ceilings& ceilings) {
    std::map<std::string, double> measured;
    for (const char* extent : {"4K", "2M", "1G"}) {
        const auto events = read_events(folder / fmt::format("events-{}.txt", extent));
        if (!events) {
            return incomplete(fmt::format("an event with extents of {}", extent));
        }
        measured.insert(events->begin(), events->end());
    }
    fmt::print("\n{:<20} {:>14} {:>10} {:>10}\n", "event of a guest", "instructions", "at most",
               "KVM");
    for (const EventLimit& limit : event_limits) {
        if (!measured.contains(limit.name)) {
            return incomplete(limit.name);
        }
        const double instructions = measured.at(limit.name);
        fmt::print("{:<20} {:>14.1f} {:>10} {:>10}\n", limit.name, instructions,
                   number_or_nothing(limit.at_most), number_or_nothing(limit.kvm));
        nlohmann::json entry{{"name", limit.name}, {"instructions", instructions}};
        if (limit.at_most != unlimited) {
            entry["at_most"] = limit.at_most;
        }
        if (limit.kvm != 0) {
            entry["kvm"] = limit.kvm;
        }
        list.push_back(entry);
        ceilings.check(limit.name, instructions, limit.at_most);
    }
    return Verdict::within;
}

Verdict report_boots(const std::filesystem::path& folder, nlohmann::json& list,
                     Ceilings& ceilings) {
    // With the guest's devices, and with all of the machine's.
    const auto bare = read_boot(folder / "boot-bare.txt");
    const auto whole = read_boot(folder / "boot-machine.txt");
    if (!bare || !whole) {
        return incomplete("a boot without a hypervisor");
    }
    fmt::print("\n{:<20} {:>14} {:>14} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "boot of a guest",
               "instructions", "bare", "ratio", "at most", "KVM", "faults", "at most");
    for (const BootLimit& limit : boot_limits) {
        const std::string stem = fmt::format("boot-{}", limit.extent);
        const auto instructions = read_boot(folder / (stem + ".txt"));
        const auto faults = read_faults(folder / (stem + ".json"));
        if (!instructions || !faults) {
            return incomplete(limit.name);
        }
        const double ratio = *instructions / *bare;
        fmt::print("{:<20} {:>14.0f} {:>14.0f} {:>10.4f} {:>10} {:>10} {:>10} {:>10}\n", limit.name,
                   *instructions, *bare, ratio, limit.ratio, limit.kvm_ratio, *faults,
                   number_or_nothing(limit.faults));
        list.push_back({{"name", limit.name},
                        {"ratio", ratio},
                        {"faults", *faults},
                        {"instructions", *instructions},
                        {"bare", *bare},
                        {"bare_machine", *whole},
                        {"at_most", limit.ratio},
                        {"kvm", limit.kvm_ratio}});
        ceilings.check(fmt::format("the ratio of {}", limit.name), ratio, limit.ratio);
        ceilings.check(fmt::format("the number of faults of {}", limit.name),
                       static_cast<double>(*faults), limit.faults);
    }
    return Verdict::within;
}

} // namespace

Verdict report_events(const std::filesystem::path& folder, nlohmann::json& list) {
    Ceilings ceilings;
    if (report_exits(folder, list, ceilings) == Verdict::incomplete ||
        report_boots(folder, list, ceilings) == Verdict::incomplete) {
        return Verdict::incomplete;
    }
    return ceilings.verdict();
}

} // namespace twofold::bench
