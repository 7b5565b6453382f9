// SPDX-License-Identifier: MIT
// The options that walk and map share.
#include "tools/walk/regime_options.hpp"

#include "tools/command.hpp"
#include "tools/cpu/cpu_option.hpp"
#include "tools/text/number.hpp"

namespace twofold::tool {

void add_regime_options(CLI::App& command, RegimeOptions& options) {
    const auto number = [](const std::string& text) { return parse_number(text); };
    add_parsed(command, "--vtcr", options.registers.vtcr, number, "a number", "VTCR_EL2")
        ->required();
    add_parsed(command, "--vttbr", options.registers.vttbr, number, "a number", "VTTBR_EL2")
        ->required();
    add_parsed(command, "--hcr", options.registers.hcr, number, "a number",
               "HCR_EL2: VM, FWB, PTW, CD, ID and TGE count (0x1: VM)");
    add_parsed(command, "--s2pir", options.registers.s2pir, number, "a number",
               "S2PIR_EL2, for VTCR_EL2.S2PIE (0)");
    command.add_flag("--big-endian", options.registers.big_endian,
                     "descriptors are big-endian (SCTLR_EL2.EE)");
    add_cpu_option(command, options.cpu);
    command
        .add_option("--memory", options.memory,
                    "FILE@PA: a raw image, as of QEMU's pmemsave; FILE: an ELF core, or "
                    "{u64 pa, u64 length, bytes} again and again; may be given several times")
        ->type_name("FILE[@PA]")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->required();
}

Result<MemoryImage> open_memory(const std::vector<std::string>& files) {
    MemoryImage image;
    for (const std::string& file : files) {
        if (const auto added = image.add(file); !added) {
            return Failure{added.error()};
        }
    }
    return image;
}

} // namespace twofold::tool
