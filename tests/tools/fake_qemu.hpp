// SPDX-License-Identifier: MIT
// FakeQemu: a QMP server and a gdbstub on Unix sockets, with one machine behind both. What the real
// one does with the machine's state, it does: a debugger that connects stops it, one that detaches
// resumes it.
#pragma once

#include "tools/run/file_descriptor.hpp"
#include "tools/run/temporary_folder.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace twofold::tool {

class FakeQemu {
public:
    struct Cpu {
        std::map<std::string, std::uint64_t> registers;
    };
    // Set up before start().
    std::vector<Cpu> cpus;
    std::map<std::uint64_t, std::uint64_t> words; // memory, by address
    std::string memory_tree;                      // of "info mtree -f"
    bool running = true;
    bool physical_memory = true; // the stub has Qqemu.PhyMemMode
    // Instead of the usual reply to a request: of QMP's a whole line, of gdb's the data of a
    // packet. An empty optional is the usual reply; "drop" closes, "mute" says nothing.
    std::function<std::optional<std::string>(std::string_view command)> qmp_says;
    std::function<std::optional<std::string>(std::string_view request)> gdb_says;
    // What comes before each packet.
    std::string gdb_noise;
    std::string greeting = R"({"QMP": {"version": {}, "capabilities": []}})";

    FakeQemu();
    FakeQemu(const FakeQemu&) = delete;
    FakeQemu& operator=(const FakeQemu&) = delete;
    ~FakeQemu();

    void start();
    std::string qmp_path() const { return path("qmp"); }
    std::string gdb_path() const { return path("gdb"); }

    bool is_running();
    bool is_physical();
    bool was_stopped_before_reading(); // no register and no memory was read while it ran
    unsigned reads();                  // of memory

    // A machine with one guest's tables, 40 bits from level 1, VMID 5 on the first two of three
    // CPUs: a block of 1 GiB at IPA 0x40000000, and one page at 0x80001000.
    void add_guest();

private:
    std::string path(const char* name) const { return (folder_.path() / name).string(); }
    void serve(int listener, const std::function<void(int)>& client) const;
    void serve_qmp(int socket);
    void serve_gdb(int socket);
    std::string qmp_reply(std::string_view command, std::string_view line);
    std::string gdb_reply(std::string_view request);
    std::string description(std::string_view name) const;
    std::string memory(std::uint64_t pa, std::uint64_t bytes) const;

    TemporaryFolder folder_;
    FileDescriptor qmp_;
    FileDescriptor gdb_;
    FileDescriptor end_; // readable when all is over
    FileDescriptor end_writer_;
    std::mutex mutex_;
    std::size_t selected_ = 0;
    std::size_t told_ = 0; // threads, of a list that is being asked for
    bool physical_ = false;
    bool read_while_running_ = false;
    unsigned reads_ = 0;
    std::vector<std::thread> threads_;
};

} // namespace twofold::tool
