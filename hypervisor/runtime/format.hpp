// SPDX-License-Identifier: MIT
// Text formatting without a heap: "{}" takes the next argument, "{:x}" "{:#x}" "{:08x}" "{:>5}" as
// in std::format. A missing argument prints as "{?}"; a superfluous one is dropped.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace twofold::hyp {

// Where formatted text goes, piece by piece.
class TextSink {
public:
    virtual void put(std::string_view text) = 0;

protected:
    ~TextSink() = default;
};

// Collects into a buffer; what does not fit is cut off.
class BufferSink final : public TextSink {
public:
    explicit BufferSink(std::span<char> buffer) : buffer_{buffer} {}
    void put(std::string_view text) override;
    std::string_view text() const { return {buffer_.data(), size_}; }

private:
    std::span<char> buffer_;
    std::size_t size_ = 0;
};

class FormatArgument {
public:
    enum class Kind : std::uint8_t { boolean, character, unsigned_number, signed_number, text };

    explicit constexpr FormatArgument(bool value) : number_{value}, kind_{Kind::boolean} {}
    explicit constexpr FormatArgument(char value)
        : number_{static_cast<unsigned char>(value)},
          kind_{Kind::character} {}
    explicit constexpr FormatArgument(const char* value) : text_{value}, kind_{Kind::text} {}
    explicit constexpr FormatArgument(std::string_view value) : text_{value}, kind_{Kind::text} {}

    template <std::integral T>
    explicit constexpr FormatArgument(T value)
        : number_{static_cast<std::uint64_t>(value)},
          kind_{std::is_signed_v<T> ? Kind::signed_number : Kind::unsigned_number} {}

    template <typename T>
    requires std::is_enum_v<T>
    explicit constexpr FormatArgument(T value)
        : FormatArgument{static_cast<std::underlying_type_t<T>>(value)} {}

    template <typename T>
    explicit FormatArgument(T* value) : number_{reinterpret_cast<std::uintptr_t>(value)} {}

    Kind kind() const { return kind_; }
    std::uint64_t number() const { return number_; }
    std::string_view text() const { return text_; }

private:
    std::string_view text_;
    std::uint64_t number_ = 0;
    Kind kind_ = Kind::unsigned_number;
};

void format_arguments(TextSink& sink, std::string_view pattern,
                      std::span<const FormatArgument> arguments);

template <typename... Arguments>
void format_to(TextSink& sink, std::string_view pattern, const Arguments&... arguments) {
    if constexpr (sizeof...(Arguments) == 0) {
        format_arguments(sink, pattern, {});
    } else {
        const FormatArgument list[] = {FormatArgument{arguments}...};
        format_arguments(sink, pattern, list);
    }
}

} // namespace twofold::hyp
