// SPDX-License-Identifier: MIT
// vCPUs that run at the same moment, each a thread that leaves the guest only when it is kicked,
// has a maintenance interrupt or traps. Each interrupt that is raised is taken exactly once,
// whatever the others do to routes, enables and priorities meanwhile.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

namespace twofold::test {

namespace {

constexpr unsigned vcpus = 4;
constexpr unsigned first = 40;
constexpr unsigned interrupts = 24;

class Threads : public testing::Test, public hyp::VcpuKick {
protected:
    void kick(unsigned vcpu) override { kicked[vcpu].store(true); }

    void SetUp() override {
        std::vector<std::uint64_t> mpidrs;
        std::vector<hyp::VirtualCpuInterface*> interfaces;
        for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
            mpidrs.push_back(vcpu);
            interfaces.push_back(&cpus[vcpu]);
        }
        ASSERT_TRUE(gic.init({.distributor = Ipa{Machine::distributor},
                              .redistributors = Ipa{Machine::redistributors},
                              .mpidrs = mpidrs,
                              .cpu_interfaces = interfaces,
                              .kick = this}));
    }

    void access(unsigned vcpu, std::uint64_t address, unsigned bytes, bool write,
                std::uint64_t value) {
        hyp::MmioAccess access{Ipa{address}, bytes, write, value};
        hyp::MmioDevice& device =
            address < Machine::redistributors ? gic.distributor() : gic.redistributors();
        gic.on_guest_exit(vcpu);
        EXPECT_TRUE(device.access(vcpu, access));
        gic.on_guest_enter(vcpu);
    }
    void write(unsigned vcpu, std::uint64_t address, std::uint64_t value, unsigned bytes = 4) {
        access(vcpu, address, bytes, true, value);
    }

    void disturb(unsigned vcpu, std::mt19937_64& random) {
        const unsigned intid = first + static_cast<unsigned>(random() % interrupts);
        const std::uint64_t word = Machine::distributor + 4 * (intid / 32);
        const std::uint32_t bit = 1u << (intid % 32);
        switch (random() % 6) {
        case 0:
            write(vcpu, Machine::distributor + 0x6000 + 8 * intid, random() % vcpus, 8);
            break;
        case 1:
            write(vcpu, word + clear_enable, bit);
            write(vcpu, word + set_enable, bit);
            break;
        case 2:
            write(vcpu, Machine::distributor + 0x400 + intid, random(), 1);
            break;
        case 3:
            access(vcpu, word + set_active, 4, false, 0);
            break;
        case 4:
            access(vcpu, word + set_pending, 4, false, 0);
            break;
        default:
            gic.on_guest_exit(vcpu);
            gic.write_sgi(vcpu, hyp::SgiRegister::sgi1r, std::uint64_t{1} << 40);
            gic.on_guest_enter(vcpu);
            break;
        }
    }

    void guest(unsigned vcpu) {
        std::mt19937_64 random{vcpu};
        gic.reset_cpu(vcpu);
        write(vcpu, Machine::redistributors + vcpu * Machine::stride + 0x14, 0);
        write(vcpu, Machine::redistributors + vcpu * Machine::stride + 0x10000 + set_enable,
              0xffff);
        while (!stop.load()) {
            if (kicked[vcpu].exchange(false) || cpus[vcpu].maintenance()) {
                gic.on_guest_exit(vcpu);
                gic.on_guest_enter(vcpu);
            }
            const unsigned intid = cpus[vcpu].acknowledge();
            if (intid != FakeCpu::spurious) {
                if (intid >= first)
                    ++taken[intid - first];
                cpus[vcpu].end(intid);
            } else if (disturbing.load() && random() % 4 == 0) {
                disturb(vcpu, random);
            } else {
                std::this_thread::yield();
            }
        }
        gic.on_guest_exit(vcpu);
    }

    // False: not all were taken in time.
    bool raise_all() {
        for (unsigned i = 0; i < interrupts; ++i) {
            ++raised[i];
            gic.inject(first + i);
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        for (unsigned i = 0; i < interrupts; ++i) {
            while (taken[i].load() < raised[i]) {
                if (std::chrono::steady_clock::now() > end)
                    return false;
                std::this_thread::yield();
            }
        }
        return true;
    }

    std::array<FakeCpu, vcpus> cpus{FakeCpu{2}, FakeCpu{4}, FakeCpu{1}, FakeCpu{4}};
    std::array<std::atomic<bool>, vcpus> kicked{};
    std::array<std::atomic<unsigned>, interrupts> taken{};
    std::array<unsigned, interrupts> raised{};
    std::atomic<bool> stop{false};
    std::atomic<bool> disturbing{true};
    hyp::VirtualGic gic;
};

TEST_F(Threads, EachInterruptIsTakenOnce) {
    const auto set_up = [this](std::uint64_t offset, std::uint64_t value) {
        hyp::MmioAccess access{Ipa{Machine::distributor + offset}, 4, true, value};
        EXPECT_TRUE(gic.distributor().access(0, access));
    };
    set_up(0, 2);
    for (unsigned n = 1; n < 3; ++n) {
        set_up(set_enable + 4 * n, 0xffff'ffff);
        set_up(0xc00 + 8 * n, 0xaaaa'aaaa); // edges
        set_up(0xc04 + 8 * n, 0xaaaa'aaaa);
    }
    std::vector<std::thread> threads;
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu)
        threads.emplace_back([this, vcpu] { guest(vcpu); });
    bool in_time = true;
    for (unsigned round = 0; round < 400 && in_time; ++round) {
        // In quiet rounds only kicks and maintenance interrupts move anything.
        disturbing.store(round % 3 != 2);
        in_time = raise_all();
    }
    stop.store(true);
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_TRUE(in_time) << "an interrupt was lost";
    for (unsigned i = 0; i < interrupts; ++i)
        EXPECT_EQ(taken[i].load(), raised[i]) << first + i;
}

} // namespace

} // namespace twofold::test
