// SPDX-License-Identifier: MIT
// Whatever a guest writes to its interrupt controller, and in whatever order: nothing breaks, and a
// guest that sets it up properly afterwards has its interrupts. FakeCpu checks the list registers.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <random>

namespace twofold::test {

namespace {

constexpr unsigned vcpus = 8;
constexpr unsigned sizes[] = {1, 2, 4, 8};

// The other vCPUs stay out of the guest.
class Fuzz : public testing::Test {
protected:
    void SetUp() override {
        for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu)
            machine.gic.on_guest_exit(vcpu);
    }
    std::uint64_t any() {
        switch (random() % 5) {
        case 0:
            return 0;
        case 1:
            return ~std::uint64_t{0};
        case 2:
            return std::uint64_t{1} << (random() % 64);
        default:
            return random();
        }
    }
    void touch(hyp::MmioDevice& device, std::uint64_t offset, unsigned bytes, bool write) {
        hyp::MmioAccess access{device.base() + offset, bytes, write, any()};
        const bool done = device.access(static_cast<unsigned>(random() % vcpus), access);
        EXPECT_EQ(done, offset % bytes == 0);
    }
    void run_guest(unsigned vcpu) {
        FakeCpu& cpu = machine.cpu(vcpu);
        machine.gic.on_guest_enter(vcpu);
        for (unsigned step = 0; step < 6; ++step) {
            switch (random() % 4) {
            case 0:
            case 1:
                taken.push_back(cpu.acknowledge());
                break;
            case 2:
                cpu.end(taken.empty() ? 5 : taken[random() % taken.size()]);
                break;
            default:
                cpu.deactivate(static_cast<unsigned>(random() % 96));
                break;
            }
            if (cpu.maintenance()) {
                machine.gic.on_guest_exit(vcpu);
                EXPECT_FALSE(cpu.maintenance());
                machine.gic.on_guest_enter(vcpu);
            }
            if (taken.size() > 8)
                taken.clear();
        }
        machine.gic.on_guest_exit(vcpu);
        EXPECT_EQ(cpu.used(), 0u);
    }
    void check_that_it_still_works() {
        for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
            machine.gic.on_guest_exit(vcpu);
            machine.cpu(vcpu).lines.clear();
        }
        machine.gic.reset();
        for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
            machine.cpu(vcpu).split_end = false;
            machine.gic.reset_cpu(vcpu);
            machine.gic.on_guest_enter(vcpu);
            EXPECT_TRUE(machine.cpu(vcpu).physical_active.empty());
        }
        machine.start();
        for (unsigned intid = 32; intid < 96; ++intid)
            machine.write_bit(0, set_enable, intid);
        for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
            machine.write_bit(vcpu, set_enable, 27);
            machine.raise_timer(vcpu);
            EXPECT_EQ(machine.take(vcpu), 27u);
            machine.lower_timer(vcpu);
            machine.end(vcpu, 27);
            EXPECT_TRUE(machine.cpu(vcpu).physical_active.empty());
        }
        for (unsigned intid = 32; intid < 96; ++intid)
            machine.gic.inject(intid);
        machine.settle();
        EXPECT_EQ(machine.take_all(0).size(), 64u);
    }

    std::mt19937_64 random{20260101};
    std::vector<unsigned> taken;
    Machine machine{vcpus};
};

TEST_F(Fuzz, EveryOffsetAndSizeOfTheDistributor) {
    for (std::uint64_t offset = 0; offset < 0x10000; ++offset) {
        for (const unsigned bytes : sizes) {
            touch(machine.gic.distributor(), offset, bytes, false);
            touch(machine.gic.distributor(), offset, bytes, true);
        }
        if (offset % 64 == 0)
            run_guest(static_cast<unsigned>(random() % vcpus));
    }
    check_that_it_still_works();
}

TEST_F(Fuzz, EveryOffsetAndSizeOfTheRedistributors) {
    for (std::uint64_t offset = 0; offset < vcpus * Machine::stride; ++offset) {
        const unsigned bytes = sizes[random() % 4];
        touch(machine.gic.redistributors(), offset, bytes, false);
        touch(machine.gic.redistributors(), offset, bytes, true);
        if (offset % 512 == 0)
            run_guest(static_cast<unsigned>(random() % vcpus));
    }
    check_that_it_still_works();
}

TEST_F(Fuzz, RandomUseWithFewListRegisters) {
    for (unsigned round = 0; round < 40'000; ++round) {
        const unsigned vcpu = static_cast<unsigned>(random() % vcpus);
        const unsigned intid = static_cast<unsigned>(random() % 100);
        switch (random() % 12) {
        case 0: // the registers that matter, with any value
            touch(machine.gic.distributor(), (random() % 0x400) & ~3u, 4, true);
            break;
        case 1:
            touch(machine.gic.distributor(), 0x400 + random() % 0x60, 1, true);
            break;
        case 2:
            touch(machine.gic.distributor(), 0x6000 + 8 * intid, 8, true);
            break;
        case 3:
            touch(machine.gic.redistributors(),
                  vcpu * Machine::stride + 0x10000 + 0x80 * (1 + random() % 7), 4, true);
            break;
        case 4:
            machine.write(vcpu, Machine::redistributors + vcpu * Machine::stride + 0x14, 0);
            machine.write(vcpu, Machine::distributor, 3);
            machine.gic.on_guest_exit(vcpu);
            break;
        case 5:
            machine.gic.set_level(intid, random() % 2 == 0);
            break;
        case 6:
            machine.gic.inject(intid);
            break;
        case 7:
            machine.gic.write_sgi(vcpu, static_cast<hyp::SgiRegister>(random() % 3), any());
            break;
        case 8:
            machine.cpu(vcpu).lines.insert(27);
            if (machine.cpu(vcpu).physical_active.insert(27).second)
                machine.gic.inject_hardware(vcpu, 27, 27);
            break;
        case 9:
            machine.cpu(vcpu).lines.erase(27);
            machine.cpu(vcpu).split_end = random() % 2 == 0;
            machine.gic.deactivate(vcpu, any());
            break;
        case 10:
            machine.gic.set_level(vcpu, intid % 40, random() % 2 == 0);
            break;
        default:
            run_guest(vcpu);
            break;
        }
    }
    check_that_it_still_works();
}

} // namespace

} // namespace twofold::test
