// SPDX-License-Identifier: MIT
// The system registers of the physical CPU interface, recorded.
#include "fake_physical_interface.hpp"

#include "gic/cpu_interface.hpp"

namespace twofold::test {

std::vector<std::uint64_t>& sent_sgis() {
    static std::vector<std::uint64_t> list;
    return list;
}

unsigned& initialised_cpus() {
    static unsigned count = 0;
    return count;
}

} // namespace twofold::test

namespace twofold::hyp::cpu_interface {

void init() { ++test::initialised_cpus(); }
unsigned acknowledge() { return 1023; }
void drop_priority(unsigned) {}
void deactivate(unsigned) {}
void send_sgi(std::uint64_t sgi_register) { test::sent_sgis().push_back(sgi_register); }

} // namespace twofold::hyp::cpu_interface
