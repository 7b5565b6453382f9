// SPDX-License-Identifier: MIT
// What the monitor knows, in words.
#pragma once

#include "runtime/format.hpp"

#include <twofold/arch/attributes.hpp>
#include <twofold/vm/choose_mapping.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold::hyp {

// A short text that is made and printed at once.
class Words {
public:
    template <typename... Arguments>
    explicit Words(std::string_view pattern, const Arguments&... arguments) {
        BufferSink sink{buffer_};
        format_to(sink, pattern, arguments...);
        size_ = sink.text().size();
    }
    std::string_view text() const { return {buffer_.data(), size_}; }

private:
    std::array<char, 96> buffer_{};
    std::size_t size_ = 0;
};

// "2 MiB", in the largest unit that leaves a whole number.
Words size_words(std::uint64_t bytes);

// "174.4 MiB": cut, in the largest unit of which there is one.
Words amount_words(std::uint64_t bytes);

// "1 page", "2 pages": `name` with an s where there is not one.
Words counted(std::uint64_t count, std::string_view name);

// "rwx normal write-back", with "old" where the access flag is clear.
Words attribute_words(const Attributes& attributes);

// The rule that a size breaks, and the two values that disagree.
Words limit_words(const SizeLimit& limit);

} // namespace twofold::hyp
