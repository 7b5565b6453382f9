// SPDX-License-Identifier: MIT
// All published translation vectors, and proof that the judge of them sees a difference.
#include <gtest/gtest.h>
#include <tools/vectors/judge.hpp>
#include <tools/vectors/lines.hpp>
#include <tools/vectors/vector.hpp>

#include <string>
#include <utility>
#include <vector>

namespace twofold::vectors {
namespace {

constexpr const char* file = TWOFOLD_TEST_DATA "/s2_d64.ndjson.gz";

// Empty if the file cannot be read, and the error says why.
struct File {
    std::string error{};
    std::vector<std::string> lines{};
};

const File& all_vectors() {
    static const File loaded = [] {
        File result;
        if (auto lines = read_lines(file, result.error)) {
            result.lines = std::move(*lines);
        }
        return result;
    }();
    return loaded;
}

TEST(Vectors, AllAgree) {
    const auto& [file_error, lines] = all_vectors();
    ASSERT_EQ(lines.size(), 20000U) << file_error;
    std::string error;
    std::size_t passed = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto vector = parse_vector(lines[i], error);
        ASSERT_TRUE(vector.has_value()) << "line " << i + 1 << ": " << error;
        const Judgement judgement = judge(*vector);
        EXPECT_EQ(judgement.verdict, Verdict::passed) << "line " << i + 1 << ": " << judgement.why;
        passed += judgement.verdict == Verdict::passed ? 1 : 0;
    }
    EXPECT_EQ(passed, 20000U);
}

// The first vector of the file that translates, and the first that faults with a valid IPA.
class Judge : public ::testing::Test {
protected:
    void SetUp() override {
        std::string error;
        for (const std::string& line : all_vectors().lines) {
            auto vector = parse_vector(line, error);
            ASSERT_TRUE(vector.has_value()) << error;
            if (vector->translation && !translated.translation) {
                translated = *vector;
            }
            if (vector->fault && vector->fault->ipa_valid && !faulted.fault) {
                faulted = *vector;
            }
            if (!vector->writes.empty() && written.writes.empty()) {
                written = *vector;
            }
            if (translated.translation && faulted.fault && !written.writes.empty()) {
                break;
            }
        }
        ASSERT_TRUE(translated.translation && faulted.fault && !written.writes.empty());
        ASSERT_EQ(judge(translated).verdict, Verdict::passed);
        ASSERT_EQ(judge(faulted).verdict, Verdict::passed);
        ASSERT_EQ(judge(written).verdict, Verdict::passed);
    }

    Vector translated{};
    Vector faulted{};
    Vector written{};
};

TEST_F(Judge, SeesEachFieldOfATranslation) {
    const auto differs = [&](auto change) {
        Vector vector = translated;
        change(*vector.translation);
        return judge(vector).verdict == Verdict::failed;
    };
    EXPECT_TRUE(differs([](auto& t) { t.pa ^= 1; }));
    EXPECT_TRUE(differs([](auto& t) { t.level -= 1; }));
    EXPECT_TRUE(differs([](auto& t) { t.contiguous = !t.contiguous; }));
    EXPECT_TRUE(differs([](auto& t) { t.descriptor ^= 1; }));
    EXPECT_TRUE(differs([](auto& t) { t.stage2 ^= 0x100; }));
    EXPECT_TRUE(differs([](auto& t) { t.attributes ^= 0x100; }));
}

TEST_F(Judge, SeesEachFieldOfAFault) {
    const auto differs = [&](auto change) {
        Vector vector = faulted;
        change(*vector.fault);
        return judge(vector).verdict == Verdict::failed;
    };
    EXPECT_TRUE(differs([](auto& f) { f.kind = model::FaultKind::alignment; }));
    EXPECT_TRUE(differs([](auto& f) { f.level -= 1; }));
    EXPECT_TRUE(differs([](auto& f) { f.dfsc ^= 1; }));
    EXPECT_TRUE(differs([](auto& f) { f.iss ^= 0x40; }));
    EXPECT_TRUE(differs([](auto& f) { f.iss2 ^= 0x20; }));
    EXPECT_TRUE(differs([](auto& f) { f.ipa_valid = false; }));
    EXPECT_TRUE(differs([](auto& f) { f.hpfar ^= 0x10; }));
}

TEST_F(Judge, SeesReadsAndWrites) {
    Vector extra = translated;
    extra.writes.push_back(extra.memory.front());
    EXPECT_EQ(judge(extra).verdict, Verdict::failed);

    Vector missing = written;
    missing.writes.clear();
    EXPECT_EQ(judge(missing).verdict, Verdict::failed);

    Vector unread = translated;
    unread.memory.push_back({.address = 0x1000, .value = 0});
    EXPECT_EQ(judge(unread).verdict, Verdict::failed);

    Vector absent = translated;
    absent.memory.pop_back();
    EXPECT_EQ(judge(absent).verdict, Verdict::failed);
}

TEST_F(Judge, SeesFaultInPlaceOfTranslation) {
    Vector vector = translated;
    vector.fault = faulted.fault;
    vector.translation.reset();
    EXPECT_EQ(judge(vector).verdict, Verdict::failed);
}

TEST(VectorFile, SaysWhatIsWrong) {
    std::string error;
    EXPECT_FALSE(read_lines(TWOFOLD_TEST_DATA "/no-such-file", error).has_value());
    EXPECT_NE(error.find("no-such-file"), std::string::npos);
    for (const char* line : {"", "{}", R"({"cfg": {"vtcr": "12"}})"}) {
        error.clear();
        EXPECT_FALSE(parse_vector(line, error).has_value());
        EXPECT_FALSE(error.empty());
    }
}

} // namespace
} // namespace twofold::vectors
