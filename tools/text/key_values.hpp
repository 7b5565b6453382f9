// SPDX-License-Identifier: MIT
// KeyValues: an argument such as "ipa=0x80000000,size=4G,ro", taken apart. A comma that is a part
// of a value is written twice, as for QEMU.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

class KeyValues {
public:
    explicit KeyValues(std::string_view text);

    // The number behind `key=`; the last one counts. Each key is taken once.
    std::optional<std::uint64_t> number(std::string_view key);
    // The text behind `key=`, likewise.
    std::optional<std::string> text(std::string_view key);
    // Whether the word is there.
    bool flag(std::string_view word);

    // Everything has been taken, and what should be a number was one.
    bool is_done() const;

private:
    struct Part {
        std::string key;
        std::optional<std::string> value;
        bool taken = false;
    };

    std::vector<Part> parts_;
    bool good_ = true;
};

} // namespace twofold::tool
