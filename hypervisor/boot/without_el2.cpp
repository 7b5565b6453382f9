// SPDX-License-Identifier: MIT
// Started below or above EL2 there is nothing that this program could do but say so.
#include "boot/boot_tree.hpp"
#include "cpu/sysreg.hpp"
#include "devices/pl011.hpp"
#include "runtime/format.hpp"

extern "C" [[noreturn]] void stop_at_el1(bool psci_uses_smc);

namespace twofold::hyp {

namespace {

class UartSink final : public TextSink {
public:
    explicit UartSink(Pl011& uart) : uart_{uart} {}
    void put(std::string_view text) override {
        for (const char c : text)
            uart_.put(c);
    }

private:
    Pl011& uart_;
};

} // namespace

} // namespace twofold::hyp

// The MMU is off and stays off. Returns to a loop.
extern "C" void start_without_el2(const void* tree_address, unsigned level) {
    using namespace twofold::hyp;
    if (level == 1) {
        TWOFOLD_WRITE_SYSREG(CPACR_EL1, std::uint64_t{3} << 20); // libfdt uses vector registers
        isb();
    }
    const auto tree =
        BootTree::size_of(tree_address) != 0 ? BootTree::make(tree_address) : std::nullopt;
    const auto node = tree ? tree->uart() : std::nullopt;
    if (!node)
        return;
    Pl011 uart;
    uart.init(node->registers.start);
    UartSink sink{uart};
    format_to(sink,
              "twofold: stopped: it was started at EL{} but needs EL2 (QEMU: -M "
              "virt,virtualization=on,gic-version=3)\r\n",
              level);
    uart.drain();
    if (level == 1)
        stop_at_el1(tree->psci_uses_smc());
}
