// SPDX-License-Identifier: MIT
// TargetDescription: the numbers of registers by their names, as a gdbstub lists them in XML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

class TargetDescription {
public:
    // Reads one text: <reg name= bitsize= regnum=>, a register without a number has the one behind
    // the register before it. What is not understood is passed over: a register that is then
    // missing is found out by whoever asks for it. Returns what the text includes, in its order.
    //
    // Registers without numbers that come behind an xi:include would count on from it: QEMU's
    // target.xml has nothing but includes.
    std::vector<std::string> add(std::string_view text);

    // Only of 64 bits.
    std::optional<unsigned> number(std::string_view name) const;
    std::size_t size() const { return numbers_.size(); }

private:
    // More than any machine has.
    static constexpr std::size_t most_registers = 1U << 16;
    void add_register(std::string_view tag);

    std::map<std::string, unsigned, std::less<>> numbers_;
    std::uint64_t next_ = 0;
};

} // namespace twofold::tool
