// SPDX-License-Identifier: MIT
// Tables, and the map that `twofold map` makes of them.
#pragma once

#include "sample_files.hpp"
#include "tools/map/map_words.hpp"
#include "tools/memory/memory_image.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace twofold::tool {

inline constexpr std::uint64_t vtcr_40 = 0x802d'3558; // 40 bits from level 1
inline constexpr std::uint64_t vttbr = 0x4000'0000;
inline constexpr std::uint64_t leaf_bits = 0x7fd; // a Normal, readable and writable block, AF
inline constexpr std::uint64_t page_bits = 0x7ff;

class Collected : public ResultStream {
public:
    std::string text;

private:
    bool write(std::string_view part) override {
        text += part;
        return true;
    }
};

struct Mapped {
    std::string text;
    MapOutcome outcome;
};

struct Tables {
    std::string cpu = "neoverse-n1";
    RegimeRegisters registers{.vtcr = vtcr_40, .vttbr = vttbr};
    std::string records;

    Mapped map(MapFormat format = MapFormat::text, const MapLimits& limits = {}) const {
        const SampleFolder folder;
        MemoryImage image;
        EXPECT_TRUE(image.add(folder.add("tables", records)));
        const Regime regime{*find_cpu(cpu), registers};
        Collected out;
        Mapped mapped{.text = {}, .outcome = write_map(regime, image, format, limits, out)};
        out.finish();
        mapped.text = out.text;
        return mapped;
    }
    nlohmann::json json(const MapLimits& limits = {}) const {
        return nlohmann::json::parse(map(MapFormat::json, limits).text);
    }
};

} // namespace twofold::tool
