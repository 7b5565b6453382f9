// SPDX-License-Identifier: MIT
// vmm: runs a bare-metal arm64 image as a guest of /dev/kvm, in memory of the shape that the
// command line asks for: vmm --ipa 34 --memory 0x40000000,1G,pages --memory 0x80000000,1G,1G
// --words "payload.cases=..."
#include "commands.hpp"
#include "console.hpp"
#include "die.hpp"
#include "options.hpp"
#include "virtual_cpu.hpp"

#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

using namespace twofold::vmm;

namespace {

// The last one, so that who looks on knows where the guest is.
void stay_on_one_cpu() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)) - 1, &set);
    checked(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

} // namespace

int main(int count, char** arguments) {
    const Options options = parse_options(count, arguments);
    // Without a handler it would end us; with one that does nothing, it ends KVM_RUN.
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);

    const Machine machine{options};
    VirtualCpu cpu{machine};
    std::thread runner{[&cpu] {
        stay_on_one_cpu();
        cpu.run();
        say("VMM: the guest is off");
        std::_Exit(0);
    }};
    cpu.adopt_thread(runner.native_handle());
    Commands{machine, cpu, options.watchdog}.follow();
    runner.join();
    return 0;
}
