// SPDX-License-Identifier: MIT
// Vectors from JSON. Every key that is used must be there: a default would hide a mistake.
#include <nlohmann/json.hpp>
#include <tools/vectors/vector.hpp>

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace twofold::vectors {

namespace {

using Json = nlohmann::json;

// Thrown and caught in this file only.
[[noreturn]] void reject(const std::string& why) { throw std::runtime_error(why); }

std::uint64_t hex(const Json& json) {
    const auto& text = json.get_ref<const std::string&>();
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    if (!text.starts_with("0x") || text.size() < 3) {
        reject("not a hexadecimal number: " + text);
    }
    const auto [rest, error] = std::from_chars(text.data() + 2, end, value, 16);
    if (error != std::errc{} || rest != end) {
        reject("not a 64-bit hexadecimal number: " + text);
    }
    return value;
}

bool flag(const Json& json) {
    const auto value = json.get<int>();
    if (value != 0 && value != 1) {
        reject("not 0 or 1: " + std::to_string(value));
    }
    return value == 1;
}

template <typename T, std::size_t N>
T by_name(const std::string& name, const std::array<std::pair<std::string_view, T>, N>& names) {
    for (const auto& [known, value] : names) {
        if (known == name) {
            return value;
        }
    }
    reject("unknown name: " + name);
}

model::AccessKind access_kind(const std::string& name) {
    using enum model::AccessKind;
    static constexpr std::array<std::pair<std::string_view, model::AccessKind>, 10> names{{
        {"load", load},
        {"store", store},
        {"fetch", fetch},
        {"s1walk", stage1_walk},
        {"s1update", stage1_update},
        {"atomic", atomic},
        {"atr", at_read},
        {"atw", at_write},
        {"dczva", dc_zva},
        {"rcw", rcw},
    }};
    return by_name(name, names);
}

model::FaultKind fault_kind(const std::string& name) {
    using enum model::FaultKind;
    static constexpr std::array<std::pair<std::string_view, model::FaultKind>, 5> names{{
        {"AddressSize", address_size},
        {"Translation", translation},
        {"AccessFlag", access_flag},
        {"Permission", permission},
        {"Alignment", alignment},
    }};
    return by_name(name, names);
}

// What stage 1 said, by the number that the vectors use.
model::MemoryAttributes stage1_type(int number) {
    using namespace model;
    switch (number) {
    case 0:
        return normal_write_back;
    case 1:
        return normal_non_cacheable;
    case 2:
        return device_memory(DeviceType::nGnRnE);
    case 3:
        return device_memory(DeviceType::GRE);
    case 4:
        return {.inner = Cacheability::write_through,
                .outer = Cacheability::write_through,
                .shareability = Shareability::non_shareable,
                .xs = true};
    default:
        reject("unknown stage-1 type: " + std::to_string(number));
    }
}

model::Cacheability reserved_type(int number) {
    switch (number) {
    case 0:
        return model::Cacheability::non_cacheable;
    case 1:
        return model::Cacheability::write_through;
    case 2:
        return model::Cacheability::write_back;
    default:
        reject("unknown choice for a reserved type: " + std::to_string(number));
    }
}

model::WalkConfig parse_config(const Json& json) {
    model::WalkConfig config;
    config.vtcr = hex(json.at("vtcr"));
    config.vttbr = hex(json.at("vttbr"));
    config.hcr = hex(json.at("hcr"));
    config.s2pir = hex(json.at("s2pir"));
    config.big_endian = flag(json.at("ee"));
    config.pa_max = json.at("pamax").get<unsigned>();
    config.bbm = json.at("bbm").get<unsigned>();
    config.lpa = flag(json.at("lpa"));
    config.lpa2 = flag(json.at("lpa2"));
    config.d128 = flag(json.at("d128"));
    config.ttst = flag(json.at("ttst"));
    config.xnx = flag(json.at("xnx"));
    config.hafdbs = flag(json.at("hafdbs"));
    config.haft = flag(json.at("haft"));
    config.fwb = flag(json.at("fwb"));
    config.s2pie = flag(json.at("s2pie"));
    config.the = flag(json.at("the"));
    config.choices.txsz_low_faults = flag(json.at("imp_txsz_low_fault"));
    config.choices.txsz_high_faults = flag(json.at("imp_txsz_high_fault"));
    config.choices.contiguous_faults = flag(json.at("imp_contig_fault"));
    config.choices.nt_faults = flag(json.at("imp_nt_faults"));
    config.choices.fetch_from_device_faults = flag(json.at("unp_instrdevice"));
    config.choices.access_flag_despite_fault = flag(json.at("unp_af"));
    config.choices.dirty_despite_fault = flag(json.at("unp_db"));
    config.choices.reserved_memory_type = reserved_type(json.at("unp_s2res").get<int>());
    return config;
}

std::vector<Word> parse_words(const Json& json) {
    std::vector<Word> words;
    for (const Json& item : json) {
        words.push_back({.address = hex(item.at(0)), .value = hex(item.at(1))});
    }
    return words;
}

ExpectedFault parse_fault(const Json& json) {
    return {.kind = fault_kind(json.at("fault").get<std::string>()),
            .level = json.at("level").get<int>(),
            .dfsc = json.at("dfsc").get<std::uint64_t>(),
            .iss = hex(json.at("iss")),
            .iss2 = hex(json.at("iss2")),
            .ipa_valid = flag(json.at("ipavalid")),
            .hpfar = hex(json.at("hpfar"))};
}

ExpectedTranslation parse_translation(const Json& json) {
    return {.pa = hex(json.at("pa")),
            .level = json.at("level").get<int>(),
            .contiguous = flag(json.at("contig")),
            .descriptor = hex(json.at("desc")),
            .stage2 = hex(json.at("s2attr")),
            .attributes = hex(json.at("attr"))};
}

Vector parse(const Json& json) {
    Vector vector;
    vector.config = parse_config(json.at("cfg"));
    vector.ipa = Ipa{hex(json.at("ipa"))};
    vector.access.kind = access_kind(json.at("kind").get<std::string>());
    vector.access.level = flag(json.at("el")) ? model::AccessLevel::el1 : model::AccessLevel::el0;
    vector.access.stage1 = stage1_type(json.at("s1").get<int>());
    vector.access.aligned = flag(json.at("aligned"));
    vector.memory = parse_words(json.at("mem"));
    vector.writes = parse_words(json.at("writes"));
    const Json& result = json.at("res");
    if (result.at("fault").is_null()) {
        vector.translation = parse_translation(result);
    } else {
        vector.fault = parse_fault(result);
    }
    return vector;
}

} // namespace

std::optional<Vector> parse_vector(std::string_view line, std::string& error) {
    try {
        return parse(Json::parse(line));
    } catch (const std::exception& problem) {
        error = problem.what();
        return std::nullopt;
    }
}

} // namespace twofold::vectors
