// SPDX-License-Identifier: MIT
// Every field that a vector promises is compared; descriptors read and written are compared too.
#include <twofold/model/walker.hpp>

#include <tools/vectors/judge.hpp>

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

namespace twofold::vectors {

namespace {

// Exactly the words of the vector: anything else is an external abort, and shows.
class VectorMemory {
public:
    explicit VectorMemory(const Vector& vector) {
        for (const Word& word : vector.memory) {
            words_.emplace(word.address, word.value);
        }
    }

    std::optional<std::uint64_t> load(Pa pa) {
        const auto found = words_.find(pa.value);
        return found == words_.end() ? std::nullopt : std::optional{found->second};
    }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        const auto found = words_.find(pa.value);
        if (found == words_.end()) {
            return std::nullopt;
        }
        const std::uint64_t seen = found->second;
        if (seen == expected) {
            found->second = desired;
            writes_.push_back({.address = pa.value, .value = desired});
        }
        return seen;
    }

    [[nodiscard]] const std::vector<Word>& writes() const { return writes_; }

private:
    std::map<std::uint64_t, std::uint64_t> words_{};
    std::vector<Word> writes_{};
};

std::string number(std::uint64_t value) {
    std::array<char, 16> digits{};
    const char* const end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
    return "0x" + std::string(static_cast<const char*>(digits.data()), end);
}

class Differences {
public:
    void check(const std::string& what, std::uint64_t expected, std::uint64_t found) {
        if (expected != found) {
            add(what + " should be " + number(expected) + " and is " + number(found));
        }
    }
    void add(const std::string& difference) {
        text_ += text_.empty() ? "" : "; ";
        text_ += difference;
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_{};
};

std::uint64_t as_number(int level) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(level));
}

void compare_fault(const ExpectedFault& expected, const model::WalkResult& found,
                   Differences& differences) {
    if (!found.faulted()) {
        differences.add("should fault and does not");
        return;
    }
    differences.check("fault kind", static_cast<unsigned>(expected.kind),
                      static_cast<unsigned>(found.fault.kind));
    differences.check("level", as_number(expected.level), as_number(found.fault.level));
    differences.check("dfsc", expected.dfsc, found.fault.dfsc);
    differences.check("iss", expected.iss, found.fault.iss);
    differences.check("iss2", expected.iss2, found.fault.iss2);
    differences.check("ipavalid", expected.ipa_valid, found.fault.hpfar_valid);
    if (expected.ipa_valid) {
        differences.check("hpfar", expected.hpfar, found.fault.hpfar);
    }
}

// HCR_EL2.VM or HCR_EL2.DC; without either no stage-2 type exists to compare.
bool stage2_on(const Vector& vector) { return (vector.config.hcr & 0x1001) != 0; }

void compare_translation(const Vector& vector, const model::WalkResult& found,
                         Differences& differences) {
    const ExpectedTranslation& expected = *vector.translation;
    if (!found.translated()) {
        differences.add("should translate and faults");
        differences.check("fault dfsc", 0, found.fault.dfsc);
        return;
    }
    const model::Translation& translation = found.translation;
    differences.check("pa", expected.pa, translation.pa.value);
    differences.check("level", as_number(expected.level), as_number(translation.level));
    differences.check("contig", expected.contiguous, translation.contiguous);
    differences.check("desc", expected.descriptor, translation.descriptor);
    if (stage2_on(vector)) {
        differences.check("s2attr", expected.stage2, encode(translation.stage2));
    }
    differences.check("attr", expected.attributes, encode(translation.attributes));
}

void compare_words(const std::string& what, const std::vector<Word>& expected,
                   const std::vector<Word>& found, Differences& differences) {
    differences.check("number of " + what, expected.size(), found.size());
    for (std::size_t i = 0; i < expected.size() && i < found.size(); ++i) {
        const std::string which = what + " " + std::to_string(i);
        differences.check(which + " address", expected[i].address, found[i].address);
        differences.check(which + " value", expected[i].value, found[i].value);
    }
}

// Visits and updates are numbers; the vectors have what lies in memory.
std::uint64_t in_memory(const Vector& vector, std::uint64_t descriptor) {
    return vector.config.big_endian ? __builtin_bswap64(descriptor) : descriptor;
}

std::vector<Word> visited(const Vector& vector, const model::WalkResult& result) {
    std::vector<Word> words;
    for (const model::WalkVisit& visit : result.visits) {
        words.push_back({visit.address.value, in_memory(vector, visit.descriptor)});
    }
    return words;
}

std::vector<Word> updated(const Vector& vector, const model::WalkResult& result) {
    std::vector<Word> words;
    for (const model::WalkUpdate& update : result.updates) {
        words.push_back({update.address.value, in_memory(vector, update.after)});
    }
    return words;
}

std::string refusal_text(model::WalkRefusal refusal) {
    switch (refusal) {
    case model::WalkRefusal::d128:
        return "128-bit descriptors";
    case model::WalkRefusal::reserved_granule:
        return "TG0 is reserved";
    case model::WalkRefusal::indirect_without_the:
        return "FEAT_S2PIE without FEAT_THE";
    default:
        return "refused";
    }
}

} // namespace

std::uint64_t encode(const model::MemoryAttributes& attributes) {
    std::uint64_t code = static_cast<std::uint64_t>(attributes.shareability) << 8;
    code |= attributes.xs ? 1U << 10 : 0U;
    code |= attributes.no_tag_access ? 1U << 11 : 0U;
    if (attributes.type == model::MemoryType::device) {
        return code | static_cast<std::uint64_t>(attributes.device) << 1;
    }
    code |= static_cast<std::uint64_t>(attributes.inner) << 4;
    code |= static_cast<std::uint64_t>(attributes.outer) << 6;
    return code | 1;
}

Judgement judge(const Vector& vector) {
    VectorMemory memory{vector};
    const model::WalkResult result = model::walk(vector.config, memory, vector.ipa, vector.access);
    if (result.outcome == model::WalkOutcome::refused &&
        result.refusal != model::WalkRefusal::contended) {
        return {Verdict::skipped, refusal_text(result.refusal)};
    }

    Differences differences;
    if (vector.fault) {
        compare_fault(*vector.fault, result, differences);
    }
    if (vector.translation) {
        compare_translation(vector, result, differences);
    }
    compare_words("write", vector.writes, memory.writes(), differences);
    compare_words("update", vector.writes, updated(vector, result), differences);
    compare_words("read", vector.memory, visited(vector, result), differences);
    return differences.text().empty() ? Judgement{}
                                      : Judgement{Verdict::failed, differences.text()};
}

} // namespace twofold::vectors
