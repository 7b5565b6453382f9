// SPDX-License-Identifier: MIT
// GdbClient: what we need of QEMU's gdbstub: CPUs, registers by number, physical memory. A debugger
// that connects stops the machine; here the machine is stopped already.
#pragma once

#include "tools/attach/connection.hpp"
#include "tools/attach/gdb_packet.hpp"
#include "tools/attach/target_description.hpp"

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

class GdbClient {
public:
    // Agrees on what the packets may be.
    static Result<GdbClient> greet(Connection connection);

    // Threads as the stub names them; QEMU's are the CPUs' numbers plus one.
    Result<std::vector<unsigned>> threads();
    Result<TargetDescription> describe();
    // Registers are those of the thread that was selected last.
    Result<bool> select(unsigned thread);
    Result<std::uint64_t> read_register(unsigned number);

    // Whether memory is read by physical address; false if the stub cannot.
    Result<bool> use_physical_memory(bool on);
    Result<std::string> read_memory(Pa pa, std::size_t bytes);

    // Lets go, which resumes the machine.
    Result<bool> detach();

private:
    explicit GdbClient(Connection connection) : connection_{std::move(connection)} {}

    Result<std::string> exchange(std::string_view request);
    Result<std::string> read_feature(const std::string& name);

    Connection connection_;
    GdbPacketReader reader_;
    std::size_t packet_bytes_ = 400; // what every stub takes
};

} // namespace twofold::tool
