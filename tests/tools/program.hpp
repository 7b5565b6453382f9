// SPDX-License-Identifier: MIT
// Running the twofold program itself.
#pragma once

#include "tools/run/temporary_folder.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace twofold::tool {

struct ProgramResult {
    int status = -1; // -1: ended by a signal
    std::string output;
    std::string errors;
};

// `arguments` are shell words and may redirect the input; the program's folder for temporary files
// is a fresh one, and the test fails if something is left there.
ProgramResult run_program(const std::string& arguments);

// A folder with what `twofold run` needs, where QEMU is a shell script.
class FakeMachine {
public:
    // The script may use $report, the file that the hypervisor would write, and $folder.
    explicit FakeMachine(std::string_view script);

    std::filesystem::path folder() const { return folder_.path(); }
    std::string file(std::string_view name) const;
    ProgramResult run(const std::string& more = "") const;
    // The arguments of `twofold` for it; run() puts more behind them.
    std::string arguments() const;

private:
    TemporaryFolder folder_;
};

} // namespace twofold::tool
