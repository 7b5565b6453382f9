// SPDX-License-Identifier: MIT
// A regime from registers.
#include "tools/walk/regime.hpp"

#include "tools/text/size.hpp"

#include <twofold/arch/vtcr_geometry.hpp>
#include <twofold/model/stage2_permissions.hpp>
#include <twofold/model/walk_parameters.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

model::WalkConfig make_config(const CpuFeatures& features, const RegimeRegisters& registers) {
    // Without dirty state there is no field HD.
    const std::uint64_t vtcr =
        features.dirty_state ? registers.vtcr : Vtcr::hd::set(registers.vtcr, 0);
    const auto granule = vtcr_geometry::granule_of({vtcr});
    return {.vtcr = vtcr,
            .vttbr = registers.vttbr,
            .hcr = registers.hcr,
            .s2pir = registers.s2pir,
            .big_endian = registers.big_endian,
            .pa_max = features.pa_bits,
            .bbm = features.bbm,
            .lpa = features.lpa(),
            .lpa2 = granule && features.has_lpa2(*granule),
            .ttst = features.ttst,
            .xnx = features.xnx,
            .hafdbs = features.access_flag,
            .haft = features.haft,
            .fwb = features.fwb,
            .s2pie = features.s2pie,
            // Only what read-check-write instructions may do depends on it.
            .the = features.s2pie,
            .d128 = features.d128};
}

} // namespace

Regime::Regime(const KnownCpu& cpu, const RegimeRegisters& registers)
    : cpu_{cpu.name},
      config_{make_config(CpuFeatures::from(cpu.registers), registers)},
      geometry_{geometry_of(CpuFeatures::from(cpu.registers), Vtcr{registers.vtcr})},
      fwb_{model::decode_parameters(config_).fwb},
      xnx_{config_.xnx} {}

Pa Regime::root() const {
    return Pa{model::table_base(config_, model::decode_parameters(config_))};
}

std::uint64_t Regime::in_memory(std::uint64_t word) const {
    return config_.big_endian ? __builtin_bswap64(word) : word;
}

Attributes Regime::attributes(Descriptor leaf, Level level) const {
    const AttributeFormat format{.fwb = fwb_, .xnx = xnx_, .lpa2 = geometry_->lpa2()};
    Attributes attributes = format.decode(leaf.value, level);
    const model::WalkParameters parameters = model::decode_parameters(config_);
    if (geometry_->lpa2()) {
        attributes.shareability = static_cast<Shareability>(parameters.shareability);
    }
    if (parameters.indirect_permissions) {
        const auto allowed = model::compute_permissions(config_, parameters, leaf.value);
        attributes.permissions = {.read = allowed.read,
                                  .write = allowed.write,
                                  .execute_el1 = allowed.execute_el1,
                                  .execute_el0 = allowed.execute_el0};
        attributes.dbm = false; // a bit of the index
    }
    return attributes;
}

std::string regime_words(const Regime& regime) {
    std::string words;
    if (regime.geometry()) {
        const Geometry& geometry = *regime.geometry();
        words =
            fmt::format("{} granule, {}-bit IPA, {}-bit PA{}, walks start at level {}, root at "
                        "PA {:#x} ({})",
                        granule_words(geometry.granule()), geometry.ipa_bits(), geometry.pa_bits(),
                        geometry.lpa2() ? " with LPA2" : "", geometry.initial_level(),
                        regime.root().value, counted(geometry.root_tables(), "table"));
    } else {
        words =
            fmt::format("VTCR_EL2 describes no table: {}", to_string(regime.geometry().error()));
    }
    return fmt::format("{}{}; CPU: {}", words,
                       regime.fwb()          ? ", forced write-back"
                       : regime.config().fwb ? ", no forced write-back (HCR_EL2.FWB)"
                                             : "",
                       regime.cpu());
}

} // namespace twofold::tool
