// SPDX-License-Identifier: MIT
// Who gets which CPUs, and the end of the machine.
#include "guest/guests.hpp"

#include "cpu/machine.hpp"
#include "report/report.hpp"
#include "runtime/format.hpp"
#include "runtime/print.hpp"

#include <algorithm>

namespace twofold::hyp {

std::expected<void, Guests::Trouble> Guests::init(const MachineParts& parts,
                                                  const BootModules& modules) {
    parts_ = parts;
    keyboard_.init(*parts.uart, *this);
    // Without a kernel the first one says so.
    count_ = std::max<std::size_t>(modules.count, 1);
    const Configuration& configuration = *parts.configuration;
    const auto trouble = [&](std::size_t guest, std::string_view reason) {
        return std::unexpected(
            Trouble{.guest = configuration.guests[guest].name, .reason = reason});
    };
    if (!modules.complete)
        return trouble(most_guests - 1, "there are more than four kernels");
    if (configuration.named_guests > count_)
        return trouble(configuration.named_guests - 1, "there is no kernel for it");
    unsigned cpu = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        if (const auto made = init_guest(i, cpu, modules.guests[i]); !made)
            return trouble(i, made.error());
        cpu += guests_[i].vcpu_count();
    }
    return {};
}

std::expected<void, std::string_view> Guests::init_guest(std::size_t number, unsigned first_cpu,
                                                         const GuestModules& modules) {
    const auto& configurations = parts_.configuration->guests;
    GuestParts parts{parts_};
    parts.guests = this;
    parts.own = &configurations[number];
    parts.modules = modules;
    parts.vmid = static_cast<unsigned>(number) + 1;
    parts.first_cpu = first_cpu;
    parts.cpus = cpu_count() - first_cpu;
    if (const unsigned wanted = parts.own->cpus; wanted != 0)
        parts.cpus = std::min(parts.cpus, wanted);
    if (parts.cpus == 0)
        return std::unexpected("no CPU is left for it");
    for (std::size_t i = 0; i < number; ++i) {
        if (configurations[i].name == parts.own->name)
            return std::unexpected("another guest has its name");
    }
    parts.keyboard = &keyboard_;
    parts.monitor_name = "monitor";
    if (count_ > 1) {
        BufferSink sink{monitor_names_[number]};
        format_to(sink, "monitor {}", parts.own->name);
        parts.monitor_name = sink.text();
    }
    BufferSink sink{trace_paths_[number]};
    if (const char* const path = parts_.configuration->trace_path.data(); *path != '\0') {
        sink.put(path);
        if (number != 0)
            format_to(sink, ".{}", number);
    }
    parts.trace_path = trace_paths_[number].data();
    if (number == 0)
        parts.monitor_script = parts_.configuration->monitor_script;
    return guests_[number].init(parts);
}

void Guests::start() {
    for (Guest& guest : all()) {
        for (unsigned i = 0; i < guest.vcpu_count(); ++i)
            guest.kick(i);
        guest.start();
    }
}

void Guests::one_has_ended() {
    // What each has left in memory is there for whoever is the last.
    if (ended_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_)
        stop();
}

void Guests::stop() {
    bool clean = std::ranges::all_of(
        all(), [](const Guest& guest) { return guest.state() == GuestState::powered_off; });
    clean = write_report(all(), *parts_.configuration) && clean;
    for (Guest& guest : all())
        clean = guest.finish_trace() && clean;
    parts_.uart->drain();
    stop_machine(clean ? 0 : 2);
}

void Guests::route(unsigned cpu) {
    if (parts_.uart_interrupt != 0)
        parts_.gic->enable(cpu, parts_.uart_interrupt);
}

void Guests::raise() {
    if (parts_.uart_interrupt != 0)
        parts_.gic->set_pending(parts_.uart_interrupt);
}

} // namespace twofold::hyp
