// SPDX-License-Identifier: MIT
#include "tools/command.hpp"
namespace twofold::tool {
void add_kvm_command(CLI::App& app, int& status) {
    (void)app;
    (void)status;
}
} // namespace twofold::tool
