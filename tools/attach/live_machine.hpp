// SPDX-License-Identifier: MIT
// LiveMachine: a QEMU that runs. It is stopped while it is looked at and never longer: whatever
// happens, it goes on as it was found.
#pragma once

#include "tools/attach/live_cpu.hpp"
#include "tools/attach/live_memory.hpp"
#include "tools/attach/qmp_client.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct MachineOptions {
    std::string qmp;
    std::string gdb;
    std::optional<unsigned> cpu;       // only this one
    std::optional<unsigned> vmid;      // only this one
    bool off = false;                  // also of CPUs whose stage 2 is off
    std::chrono::milliseconds wait{0}; // for a CPU to be in a stage 2 that is asked for
    std::chrono::milliseconds timeout{5000};
    std::uint64_t page_limit = 1U << 17; // 512 MiB
};

// What was seen at one moment.
struct Snapshot {
    std::vector<LiveCpu> cpus;
    std::vector<LiveStage2> stage2;
    std::unique_ptr<LiveMemory> memory; // what was read, and nothing else
    std::vector<std::string> notes;
    bool was_running = false;
    double stopped_seconds = 0; // 0 if it was stopped already
};

class LiveMachine {
public:
    // Reads what it needs of each stage 2 while the machine stands still.
    using Look = std::function<void(const LiveStage2&, LiveMemory&)>;

    static Result<LiveMachine> connect(MachineOptions options, Interruption& interruption);

    // Where no CPU is in such a stage 2 it looks again, for as long as it is to wait.
    Result<Snapshot> look(const Look& look);
    // The last error was that what was asked for is not there.
    bool was_bad_input() const { return bad_input_; }

private:
    LiveMachine(MachineOptions options, QmpClient qmp, Interruption& interruption)
        : options_{std::move(options)},
          qmp_{std::move(qmp)},
          interruption_{&interruption} {}

    Result<bool> is_running();
    std::string stop();
    std::string resume();
    std::string why_gdb_is_taken();
    Result<Snapshot> look_once(const Look& look);
    Result<Snapshot> look_at_stopped(const Look& look);
    std::string read_cpus(GdbClient& gdb, Snapshot& snapshot);
    std::string read_tables(GdbClient& gdb, Snapshot& snapshot, const Look& look);
    LiveMemory::Reader reader(GdbClient& gdb, bool physical);

    MachineOptions options_;
    QmpClient qmp_;
    Interruption* interruption_;
    bool bad_input_ = false;
    bool was_running_ = false;
    bool let_go_ = true; // QEMU knows of no debugger that has not let go
};

} // namespace twofold::tool
