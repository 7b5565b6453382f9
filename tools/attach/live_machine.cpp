// SPDX-License-Identifier: MIT
// Stopping, reading and resuming.
#include "tools/attach/live_machine.hpp"

#include <fmt/format.h>

#include <charconv>

namespace twofold::tool {

namespace {

// "0000000040000000: 0x0000000000005555 0x0000000000000000", line by line.
Result<std::string> parse_examined(std::string_view text, std::size_t bytes) {
    std::string memory;
    while (memory.size() < bytes) {
        const std::size_t at = text.find(" 0x");
        if (at == std::string_view::npos) {
            return Failure{"xp: the monitor shows no memory"};
        }
        text.remove_prefix(at + 3);
        std::uint64_t word = 0;
        const auto [rest, error] =
            std::from_chars(text.data(), text.data() + text.size(), word, 16);
        if (error != std::errc{}) {
            return Failure{"xp: expected words in hexadecimal"};
        }
        for (unsigned i = 0; i < 8; ++i) {
            memory += static_cast<char>(word >> (8 * i) & 0xff);
        }
        text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    }
    return memory;
}

} // namespace

Result<LiveMachine> LiveMachine::connect(MachineOptions options, Interruption& interruption) {
    const auto named = [&options](const std::string& reason) {
        return Failure{fmt::format("QMP at {}: {}", options.qmp, reason)};
    };
    auto connection = Connection::open(options.qmp, options.timeout, interruption);
    if (!connection) {
        return named(connection.error());
    }
    auto qmp = QmpClient::greet(std::move(*connection));
    if (!qmp) {
        return named(qmp.error());
    }
    return LiveMachine{std::move(options), std::move(*qmp), interruption};
}

Result<bool> LiveMachine::is_running() {
    const auto status = qmp_.execute("query-status");
    if (!status) {
        return Failure{"QMP: " + status.error()};
    }
    const auto running = status->find("running");
    if (!status->is_object() || running == status->end() || !running->is_boolean()) {
        return Failure{"QMP: query-status: expected whether the machine is running"};
    }
    return running->get<bool>();
}

std::string LiveMachine::stop() {
    const auto running = is_running();
    if (!running) {
        return running.error();
    }
    was_running_ = *running;
    if (!was_running_) {
        return "";
    }
    const auto stopped = qmp_.execute("stop");
    return stopped ? "" : "QMP: " + stopped.error();
}

// Whoever asked us to end waits for this: a machine that is left standing is worse.
std::string LiveMachine::resume() {
    if (!was_running_) {
        return "";
    }
    interruption_->ignore(true);
    std::string error;
    // A debugger's connection that QEMU has not seen yet stops the machine when it does.
    for (unsigned looks = let_go_ ? 1 : 3; looks > 0; --looks) {
        const auto running = is_running();
        if (!running) {
            error = running.error();
            break;
        }
        if (!*running) {
            if (const auto resumed = qmp_.execute("cont"); !resumed) {
                error = "QMP: " + resumed.error();
                break;
            }
        }
        if (looks > 1) {
            interruption_->sleep(std::chrono::milliseconds{150});
        }
    }
    interruption_->ignore(false);
    return error.empty() ? "" : "the machine may stand still: " + error;
}

// A connection to a gdbstub that is taken would wait, and stop the machine at some later time.
std::string LiveMachine::why_gdb_is_taken() {
    const auto devices = qmp_.execute("query-chardev");
    if (!devices || !devices->is_array()) {
        return ""; // without this command, the wait for an answer tells
    }
    for (const auto& device : *devices) {
        if (device.is_object() && device.value("label", QmpClient::Json()) == "gdb") {
            const auto name = device.value("filename", QmpClient::Json());
            if (name.is_string() && name.get<std::string>().contains("<->")) {
                return fmt::format("gdbstub at {}: another debugger is attached", options_.gdb);
            }
        }
    }
    return "";
}

Result<Snapshot> LiveMachine::look(const Look& look) {
    // Not a divisor of a host's ticks, so that it is not the host each time.
    constexpr std::chrono::milliseconds between_looks{37};
    const auto end = Connection::Clock::now() + options_.wait;
    for (;;) {
        auto snapshot = look_once(look);
        if (!snapshot || !(*snapshot).stage2.empty() || !was_running_ ||
            Connection::Clock::now() >= end || !interruption_->sleep(between_looks)) {
            return snapshot;
        }
    }
}

Result<Snapshot> LiveMachine::look_once(const Look& look) {
    bad_input_ = false;
    if (std::string taken = why_gdb_is_taken(); !taken.empty()) {
        return Failure{std::move(taken)};
    }
    const auto start = Connection::Clock::now();
    std::string error = stop();
    let_go_ = true;
    auto snapshot = error.empty() ? look_at_stopped(look) : Result<Snapshot>{Failure{error}};
    const std::string resumed = resume();
    if (!snapshot) {
        return Failure{resumed.empty() ? snapshot.error()
                                       : fmt::format("{}; {}", snapshot.error(), resumed)};
    }
    if (!resumed.empty()) {
        return Failure{resumed};
    }
    (*snapshot).was_running = was_running_;
    if (was_running_) {
        (*snapshot).stopped_seconds =
            std::chrono::duration<double>(Connection::Clock::now() - start).count();
    }
    return snapshot;
}

Result<Snapshot> LiveMachine::look_at_stopped(const Look& look) {
    const auto named = [this](const std::string& reason) {
        return Failure{fmt::format("gdbstub at {}: {}", options_.gdb, reason)};
    };
    auto connection = Connection::open(options_.gdb, options_.timeout, *interruption_);
    if (!connection) {
        bad_input_ = true;
        return named(connection.error());
    }
    let_go_ = false;
    auto gdb = GdbClient::greet(std::move(*connection));
    if (!gdb) {
        return named(gdb.error());
    }
    Snapshot snapshot;
    std::string error = read_cpus(*gdb, snapshot);
    if (error.empty()) {
        error = read_tables(*gdb, snapshot, look);
    }
    // Letting go resumes the machine. One that stood still is left as if the debugger had lost its
    // connection, so that it does not run for a moment.
    if (was_running_) {
        interruption_->ignore(true);
        let_go_ = static_cast<bool>((*gdb).detach());
        interruption_->ignore(false);
    }
    if (!error.empty()) {
        return bad_input_ ? Failure{error} : named(error);
    }
    return snapshot;
}

std::string LiveMachine::read_cpus(GdbClient& gdb, Snapshot& snapshot) {
    const auto threads = gdb.threads();
    if (!threads) {
        return threads.error();
    }
    const auto description = gdb.describe();
    if (!description) {
        return description.error();
    }
    for (const unsigned thread : *threads) {
        const unsigned number = thread - 1;
        if (options_.cpu.value_or(number) != number) {
            continue;
        }
        if (const auto selected = gdb.select(thread); !selected) {
            return selected.error();
        }
        auto cpu = read_cpu(gdb, *description, number);
        if (!cpu) {
            return cpu.error();
        }
        snapshot.cpus.push_back(*cpu);
    }
    if (snapshot.cpus.empty()) {
        bad_input_ = options_.cpu.has_value();
        return options_.cpu ? fmt::format("--cpu: expected a CPU of the machine, which has {}, "
                                          "not {}",
                                          threads->size(), *options_.cpu)
                            : "the machine has no CPU";
    }
    snapshot.stage2 = group_cpus(snapshot.cpus, options_.off);
    if (options_.vmid) {
        std::erase_if(snapshot.stage2,
                      [this](const LiveStage2& one) { return one.vmid != *options_.vmid; });
    }
    for (const LiveCpu& cpu : snapshot.cpus) {
        if (!cpu.own_id) {
            snapshot.notes.push_back(fmt::format("CPU {}: its ID registers are not known: it is "
                                                 "taken for one with everything",
                                                 cpu.number));
        }
    }
    return "";
}

LiveMemory::Reader LiveMachine::reader(GdbClient& gdb, bool physical) {
    if (physical) {
        return [&gdb](Pa pa, std::size_t bytes) { return gdb.read_memory(pa, bytes); };
    }
    return [this](Pa pa, std::size_t bytes) -> Result<std::string> {
        const auto text = qmp_.monitor(fmt::format("xp /{}xg {:#x}", bytes / 8, pa.value));
        return text ? parse_examined(*text, bytes) : Failure{text.error()};
    };
}

std::string LiveMachine::read_tables(GdbClient& gdb, Snapshot& snapshot, const Look& look) {
    std::optional<RamMap> ram;
    if (const auto tree = qmp_.monitor("info mtree -f")) {
        ram = RamMap::parse(*tree);
    }
    if (!ram) {
        snapshot.notes.emplace_back("QEMU does not say where the machine has memory: tables are "
                                    "read wherever the descriptors say");
    }
    // A mode of the stub, and not of the connection: it has to be left again.
    const auto physical = gdb.use_physical_memory(true);
    if (!physical) {
        return physical.error();
    }
    snapshot.memory =
        std::make_unique<LiveMemory>(reader(gdb, *physical), std::move(ram), options_.page_limit);
    for (const LiveStage2& one : snapshot.stage2) {
        if (snapshot.memory->error().empty()) {
            look(one, *snapshot.memory);
        }
    }
    snapshot.memory->close();
    interruption_->ignore(true);
    if (*physical) {
        [[maybe_unused]] const auto left = gdb.use_physical_memory(false);
    }
    interruption_->ignore(false);
    if (snapshot.memory->overflown()) {
        snapshot.notes.push_back(fmt::format("more than {} pages of tables: the rest was not read",
                                             options_.page_limit));
    }
    if (snapshot.memory->strayed()) {
        snapshot.notes.emplace_back("some tables are where the machine has no memory: they were "
                                    "not read");
    }
    return snapshot.memory->error();
}

} // namespace twofold::tool
