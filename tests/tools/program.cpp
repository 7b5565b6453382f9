// SPDX-License-Identifier: MIT
// Running the twofold program through a shell.
#include "program.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace twofold::tool {

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream{file, std::ios::binary}.rdbuf();
    return text.str();
}

void write_file(const fs::path& file, std::string_view text) {
    std::ofstream{file, std::ios::binary} << text;
}

// Nothing but the header's magic number.
std::string arm64_image() { return std::string(56, '\0') + "ARM\x64" + std::string(4, '\0'); }

} // namespace

ProgramResult run_program(const std::string& arguments) {
    const auto folder = TemporaryFolder::make().value();
    const fs::path temporary = folder.path() / "tmp";
    fs::create_directory(temporary);
    const std::string command = fmt::format(
        "TMPDIR={0}/tmp; export TMPDIR; {{ {1} {2}; }} </dev/null >{0}/output 2>{0}/errors",
        folder.path().string(), TWOFOLD_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    EXPECT_TRUE(fs::is_empty(temporary)) << "temporary files were left";
    return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .output = contents(folder.path() / "output"),
            .errors = contents(folder.path() / "errors")};
}

FakeMachine::FakeMachine(std::string_view script) : folder_{TemporaryFolder::make().value()} {
    write_file(folder() / "kernel", arm64_image());
    write_file(folder() / "twofold.img", arm64_image());
    write_file(folder() / "initrd", "not looked at");
    write_file(folder() / "qemu",
               fmt::format("#!/bin/sh\n"
                           "folder={}\n"
                           "for word in $*; do\n"
                           "    case $word in report=semihosting:*) report=${{word#*:}} ;; esac\n"
                           "done\n"
                           "{}\n",
                           folder().string(), script));
    fs::permissions(folder() / "qemu", fs::perms::owner_all);
}

std::string FakeMachine::file(std::string_view name) const { return contents(folder() / name); }

std::string FakeMachine::arguments() const {
    return fmt::format("run --qemu {0}/qemu --hypervisor {0}/twofold.img --kernel {0}/kernel "
                       "--initrd {0}/initrd",
                       folder().string());
}

ProgramResult FakeMachine::run(const std::string& more) const {
    return run_program(arguments() + " " + more);
}

} // namespace twofold::tool
