// SPDX-License-Identifier: MIT
// DumpParser: texts of KVM's debugfs, line by line, in every form in which people keep them: single
// files, files behind each other, and files under "[name]".
#pragma once

#include "tools/kvm/kvm_dump.hpp"
#include "tools/kvm/run_line.hpp"
#include "tools/text/line_reader.hpp"

#include <string>

namespace twofold::tool {

class DumpParser {
public:
    // Of the file of this name, or of a text that may have everything in it.
    explicit DumpParser(KvmDump& dump, std::string name = {})
        : dump_{dump},
          section_{std::move(name)} {}

    // Whether the line was understood.
    bool take(const TextLine& line);
    // What can be said only of the whole; once, after the last file.
    static void finish(KvmDump& dump);

private:
    void take_run(const KvmRunLine& line, std::size_t number);
    bool take_garbled(const KvmRunLine& line, std::size_t number);
    void take_number(const std::string& name, std::int64_t value);
    void note(KvmDefect defect, std::size_t line);

    KvmDump& dump_;
    std::string section_; // empty: none has a name
    bool header_ = false;
    bool runs_begun_ = false;
};

} // namespace twofold::tool
