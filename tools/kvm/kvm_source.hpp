// SPDX-License-Identifier: MIT
// KvmSource: the VMs and traces that a command line names: KVM's debugfs, a copy of it, or texts.
#pragma once

#include "tools/kvm/fault_trace.hpp"
#include "tools/kvm/kvm_dump.hpp"
#include "tools/result.hpp"
#include "tools/text/line_reader.hpp"

#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// One table: a VM's own, or a shadow of one that its guest keeps for a guest of its own.
struct KvmTable {
    std::string vm;     // the name of the folder or of the file
    std::string nested; // of the file in nested/, empty for the VM's own table
    KvmDump dump;

    std::string name() const { return nested.empty() ? vm : vm + "/nested/" + nested; }
};

struct NamedTrace {
    std::string name;
    FaultTrace trace;
};

struct KvmSource {
    std::vector<KvmTable> tables;
    std::vector<NamedTrace> traces;
    std::vector<std::string> notes; // what could not be read
};

// Folders and files; "-" is the standard input. What cannot be opened at all is a Failure.
Result<KvmSource> read_kvm(const std::vector<std::string>& paths, std::optional<Granule> granule);

// A text that is there line by line; a Failure if no line is of a dump or trace.
Result<KvmSource> read_kvm_lines(const std::string& name, LineReader reader,
                                 std::optional<Granule> granule);

// The table that a trace or dump of this text has, for tests and for texts in memory.
KvmSource read_kvm_text(const std::string& name, std::string_view text,
                        std::optional<Granule> granule);

} // namespace twofold::tool
