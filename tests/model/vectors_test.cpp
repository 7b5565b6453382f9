// SPDX-License-Identifier: MIT
// All published translation vectors, and proof that the judge of them sees a difference.
#include <gtest/gtest.h>
#include <tools/vectors/judge.hpp>
#include <tools/vectors/lines.hpp>
#include <tools/vectors/vector.hpp>

namespace twofold::vectors {
namespace {

constexpr const char* file = TWOFOLD_TEST_DATA "/s2_d64.ndjson.gz";

TEST(Vectors, AllAgree) {
    const auto lines = read_lines(file);
    ASSERT_TRUE(lines.has_value()) << lines.error();
    ASSERT_EQ(lines->size(), 20000U);
    std::size_t passed = 0;
    for (std::size_t i = 0; i < lines->size(); ++i) {
        const auto vector = parse_vector((*lines)[i]);
        ASSERT_TRUE(vector.has_value()) << "line " << i + 1 << ": " << vector.error();
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
        const auto lines = read_lines(file);
        ASSERT_TRUE(lines.has_value());
        for (const std::string& line : *lines) {
            auto vector = parse_vector(line);
            ASSERT_TRUE(vector.has_value());
            if (vector->translation && !translated_.translation) {
                translated_ = *vector;
            }
            if (vector->fault && vector->fault->ipa_valid && !faulted_.fault) {
                faulted_ = *vector;
            }
            if (!vector->writes.empty() && written_.writes.empty()) {
                written_ = *vector;
            }
        }
        ASSERT_EQ(judge(translated_).verdict, Verdict::passed);
        ASSERT_EQ(judge(faulted_).verdict, Verdict::passed);
        ASSERT_EQ(judge(written_).verdict, Verdict::passed);
    }

    Vector translated_{};
    Vector faulted_{};
    Vector written_{};
};

TEST_F(Judge, SeesEachFieldOfATranslation) {
    const auto differs = [&](auto change) {
        Vector vector = translated_;
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
        Vector vector = faulted_;
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
    Vector extra = translated_;
    extra.writes.push_back(extra.memory.front());
    EXPECT_EQ(judge(extra).verdict, Verdict::failed);

    Vector missing = written_;
    missing.writes.clear();
    EXPECT_EQ(judge(missing).verdict, Verdict::failed);

    Vector unread = translated_;
    unread.memory.push_back({.address = 0x1000, .value = 0});
    EXPECT_EQ(judge(unread).verdict, Verdict::failed);

    Vector absent = translated_;
    absent.memory.pop_back();
    EXPECT_EQ(judge(absent).verdict, Verdict::failed);
}

TEST_F(Judge, SeesFaultInPlaceOfTranslation) {
    Vector vector = translated_;
    vector.fault = faulted_.fault;
    vector.translation.reset();
    EXPECT_EQ(judge(vector).verdict, Verdict::failed);
}

TEST(VectorFile, SaysWhatIsWrong) {
    EXPECT_FALSE(read_lines(TWOFOLD_TEST_DATA "/no-such-file").has_value());
    EXPECT_FALSE(parse_vector("").has_value());
    EXPECT_FALSE(parse_vector("{}").has_value());
    EXPECT_FALSE(parse_vector("{\"cfg\": {\"vtcr\": \"12\"}}").has_value());
}

} // namespace
} // namespace twofold::vectors
