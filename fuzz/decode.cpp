// SPDX-License-Identifier: MIT
// Every decoder of arch/ on whatever 64 bits: no undefined behaviour, what can be encoded again
// comes out the same, and the engine reads a descriptor as the walker does.
#include "decode_descriptor.hpp"
#include "decode_registers.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): as libFuzzer has it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace twofold::fuzz;
    ByteChoices choices{{data, size}};
    switch (choices.below(5)) {
    case 0:
        decode_descriptor(choices);
        break;
    case 1:
        decode_abort(choices);
        break;
    case 2:
        decode_id_registers(choices);
        break;
    case 3:
        decode_table_registers(choices);
        break;
    default:
        decode_tlbi_operands(choices);
        break;
    }
    return 0;
}
