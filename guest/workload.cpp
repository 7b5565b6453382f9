// SPDX-License-Identifier: MIT
// What the guest does from user space to exercise its memory: data that one CPU writes and another
// reads, and code that one CPU writes and another executes. And what time it is by its counter.
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <barrier>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

unsigned cpu_count() { return static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)); }

void run_on(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        std::perror("sched_setaffinity");
        std::_Exit(2);
    }
}

std::byte* map_memory(std::size_t bytes, int protection) {
    void* memory = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("mmap");
        std::_Exit(2);
    }
    return static_cast<std::byte*>(memory);
}

// Neighbouring words and pages differ in many bits, so that data which lands in the wrong place is
// seen.
std::uint64_t pattern(std::uint64_t index) {
    std::uint64_t x = (index + 1) * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
}

// Each CPU fills its share; after all have, each checks the share of the next.
int check_memory(std::size_t mebibytes) {
    const unsigned cpus = cpu_count();
    const std::size_t words_per_cpu = mebibytes * mebibyte / 8 / cpus;
    auto* words = reinterpret_cast<std::uint64_t*>(
        map_memory(words_per_cpu * 8 * cpus, PROT_READ | PROT_WRITE));
    std::vector<std::size_t> wrong(cpus);
    std::barrier filled(static_cast<std::ptrdiff_t>(cpus));
    {
        std::vector<std::jthread> threads;
        for (unsigned cpu = 0; cpu < cpus; ++cpu) {
            threads.emplace_back([&, cpu] {
                run_on(cpu);
                const std::size_t own = cpu * words_per_cpu;
                for (std::size_t i = own; i < own + words_per_cpu; ++i)
                    words[i] = pattern(i);
                filled.arrive_and_wait();
                const std::size_t other = (cpu + 1) % cpus * words_per_cpu;
                for (std::size_t i = other; i < other + words_per_cpu; ++i)
                    wrong[cpu] += words[i] != pattern(i);
            });
        }
    }
    std::size_t wrong_words = 0;
    for (std::size_t count : wrong)
        wrong_words += count;
    std::printf("%zu MiB written by %u CPUs and read back, %zu words wrong\n", mebibytes, cpus,
                wrong_words);
    return wrong_words == 0 ? 0 : 1;
}

// mov w0, #value; ret
void write_function(std::byte* at, std::uint16_t value) {
    const std::uint32_t code[2] = {0x52800000u | static_cast<std::uint32_t>(value) << 5,
                                   0xd65f03c0u};
    std::memcpy(at, code, sizeof code);
    auto* begin = reinterpret_cast<char*>(at);
    __builtin___clear_cache(begin, begin + sizeof code);
}

// In each round one CPU rewrites a function on every page, and the next CPU calls them. A page is
// both fresh (first round) and stale (later rounds), and what is called must be what was written
// last.
int check_execution(unsigned rounds) {
    constexpr unsigned pages = 64;
    const auto page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const unsigned cpus = cpu_count();
    std::byte* code = map_memory(pages * page_bytes, PROT_READ | PROT_WRITE | PROT_EXEC);
    unsigned wrong = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        const auto value_on = [&](unsigned page) {
            return static_cast<std::uint16_t>(round * pages + page);
        };
        std::jthread([&] {
            run_on(round % cpus);
            for (unsigned page = 0; page < pages; ++page)
                write_function(code + page * page_bytes, value_on(page));
        }).join();
        std::jthread([&] {
            run_on((round + 1) % cpus);
            asm volatile("isb" ::: "memory");
            for (unsigned page = 0; page < pages; ++page) {
                auto* function = reinterpret_cast<int (*)()>(code + page * page_bytes);
                wrong += function() != value_on(page);
            }
        }).join();
    }
    std::printf("%u functions written and called on %u CPUs, %u wrong\n", rounds * pages, cpus,
                wrong);
    return wrong == 0 ? 0 : 1;
}

// Ticks since the guest began, and how many there are in a second.
int print_counter() {
    std::uint64_t ticks = 0;
    std::uint64_t frequency = 0;
    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    std::printf("%llu ticks, %llu a second\n", static_cast<unsigned long long>(ticks),
                static_cast<unsigned long long>(frequency));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc == 2 || argc == 3 ? argv[1] : "";
    const unsigned long amount = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (what == "memory" && amount != 0)
        return check_memory(amount);
    if (what == "execute" && amount != 0)
        return check_execution(static_cast<unsigned>(amount));
    if (what == "counter" && argc == 2)
        return print_counter();
    std::fputs("usage: workload memory MIB | workload execute ROUNDS | workload counter\n", stderr);
    return 2;
}
