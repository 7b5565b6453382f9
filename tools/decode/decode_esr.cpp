// SPDX-License-Identifier: MIT
// ESR_EL2 of an abort, with HPFAR_EL2 and FAR_EL2 where they are known.
#include "tools/decode/abort_words.hpp"
#include "tools/decode/decode.hpp"
#include "tools/text/size.hpp"

#include <twofold/arch/abort.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

// [55:32] ISS2 of an abort
using iss2 = Field<55, 32>;
using tag_access = Field<41>;
using gcs = Field<40>;
using assured_only = Field<39>;
using overlay = Field<38>;
using dirty_bit = Field<37>;
using top_level = Field<21>; // of a permission fault without ISV

constexpr std::uint64_t instruction_abort_same = 0x21;
constexpr std::uint64_t data_abort_same = 0x25;

std::string yes_no(bool set, std::string_view yes, std::string_view no) {
    return std::string{set ? yes : no};
}

class AbortReading {
public:
    AbortReading(Decoded& decoded, bool instruction)
        : decoded_{decoded},
          esr_{decoded.value},
          instruction_{instruction},
          status_{FaultStatus::decode(esr::fsc::get(decoded.value))} {}

    void read() {
        fields();
        check_status();
        check_syndrome();
        check_il();
        decoded_.check_res0(bit_mask(63, 56));
    }

private:
    bool set(auto f) const { return decltype(f)::is_set(esr_); }
    bool isv() const { return !instruction_ && esr::isv::is_set(esr_); }
    bool has_top_level() const { return !isv() && status_.kind == FaultKind::permission; }
    void problem(std::string_view text) { decoded_.problems.emplace_back(text); }
    template <class F>
    void field(std::string_view name, std::string meaning) {
        decoded_.fields.push_back(register_field<F>(name, esr_, std::move(meaning)));
    }

    void fields() {
        field<esr::fsc>(instruction_ ? "IFSC" : "DFSC", status_words(status_));
        if (!instruction_) {
            field<esr::wnr>("WnR", yes_no(set(esr::wnr{}), "write", "read"));
        }
        field<esr::s1ptw>("S1PTW", yes_no(set(esr::s1ptw{}), "of a walk of stage-1 tables",
                                          "of the access itself"));
        if (!instruction_) {
            field<esr::cm>("CM", yes_no(set(esr::cm{}), "cache maintenance or address translation",
                                        "an access to memory"));
        }
        field<esr::ea>("EA", "the implementation's classification of external aborts");
        field<esr::fnv>("FnV", yes_no(set(esr::fnv{}), "FAR_EL2 holds no address",
                                      "FAR_EL2 holds the virtual address"));
        field<esr::set>("SET", "how severe an external abort is");
        if (isv()) {
            syndrome_fields();
        } else if (has_top_level()) {
            field<top_level>("TopLevel",
                             yes_no(set(top_level{}), "a walk of the top-level table", "no"));
        }
        if (!instruction_) {
            field<esr::vncr>("VNCR", yes_no(set(esr::vncr{}), "an access through VNCR_EL2", "no"));
            field<esr::isv>("ISV", yes_no(set(esr::isv{}), "SAS to AR describe the access",
                                          "the access is not described"));
        }
        if (iss2::is_set(esr_)) {
            iss2_fields();
        }
    }

    void syndrome_fields() {
        const AccessSyndrome access = AccessSyndrome::decode(esr_);
        field<esr::ar>("AR", yes_no(access.acquire_release, "acquire or release", "plain"));
        field<esr::sf>("SF", yes_no(access.reg_is_64, "64-bit register", "32-bit register"));
        field<esr::srt>("SRT", register_words(access));
        field<esr::sse>("SSE", yes_no(access.sign_extend, "sign-extended", "not sign-extended"));
        field<esr::sas>("SAS", counted(access.bytes, "byte"));
    }

    void iss2_fields() {
        field<dirty_bit>("DirtyBit", yes_no(set(dirty_bit{}), "the page was not dirty", "no"));
        field<overlay>("Overlay", yes_no(set(overlay{}), "of permission overlays", "no"));
        field<assured_only>("AssuredOnly", yes_no(set(assured_only{}), "of AssuredOnly", "no"));
        field<gcs>("GCS", yes_no(set(gcs{}), "an access to a guarded control stack", "no"));
        field<tag_access>("TagAccess", yes_no(set(tag_access{}), "an access to tags", "no"));
        if (status_.kind != FaultKind::permission &&
            (set(dirty_bit{}) || set(overlay{}) || set(assured_only{}))) {
            problem("DirtyBit, Overlay or AssuredOnly is set, and it is no permission fault");
        }
    }

    void check_status() {
        const FaultKind kind = status_.kind;
        if (kind == FaultKind::unknown) {
            problem(fmt::format("{} = {:#x} is reserved", instruction_ ? "IFSC" : "DFSC",
                                esr::fsc::get(esr_)));
        }
        const bool external = kind == FaultKind::sync_external;
        const bool on_walk = kind == FaultKind::sync_external_on_walk;
        if (set(esr::fnv{}) && !external) {
            problem("FnV is set: only a synchronous external abort that is not of a walk has no "
                    "address");
        }
        if (set(esr::ea{}) && !external && !on_walk) {
            problem("EA is set, and it is no external abort");
        }
        const bool has_set = external || kind == FaultKind::unsupported_atomic;
        if (set(esr::set{}) && !has_set) {
            problem("SET is not 0, and it is no synchronous external abort");
        }
        if (set(esr::s1ptw{}) && (kind == FaultKind::alignment || kind == FaultKind::tlb_conflict ||
                                  kind == FaultKind::sync_tag_check || external)) {
            problem("S1PTW is set: a walk of stage-1 tables has no fault of this kind");
        }
    }

    void check_syndrome() {
        const std::uint64_t described = bit_mask(23, 14);
        if (instruction_) {
            const std::uint64_t free = has_top_level() ? top_level::mask : 0;
            decoded_.check_res0((bit_mask(24, 13) | bit_mask(8, 8) | bit_mask(6, 6)) & ~free,
                                "RES0 in an instruction abort");
            return;
        }
        if (set(esr::cm{}) && !set(esr::wnr{})) {
            problem("CM is set without WnR: cache maintenance counts as a write");
        }
        if (!isv()) {
            decoded_.check_res0(described & ~(has_top_level() ? top_level::mask : 0),
                                "RES0 without ISV");
            return;
        }
        if (set(esr::s1ptw{})) {
            problem("ISV and S1PTW are set: an access of a stage-1 walk is not described");
        }
        if (set(esr::cm{})) {
            problem("ISV and CM are set: cache maintenance is not described");
        }
        const AccessSyndrome access = AccessSyndrome::decode(esr_);
        if (access.sign_extend && set(esr::wnr{})) {
            problem("SSE and WnR are set: no store sign-extends");
        }
        if (access.sign_extend && (access.bytes == 8 || (access.bytes == 4 && !access.reg_is_64))) {
            problem(
                fmt::format("SSE is set, and {} fill the register", counted(access.bytes, "byte")));
        }
        if (access.bytes == 8 && !access.reg_is_64) {
            problem("SAS says 8 bytes, and SF a 32-bit register");
        }
    }

    // A 16-bit instruction is only told where the access is.
    void check_il() {
        if (!esr::il::is_set(esr_) && !isv()) {
            problem(instruction_ ? "IL is clear: it is 1 for instruction aborts"
                                 : "IL is clear: it is 1 where ISV is 0");
        }
    }

    Decoded& decoded_;
    std::uint64_t esr_;
    bool instruction_;
    FaultStatus status_;
};

void tell_abort(Decoded& decoded, const std::optional<std::uint64_t>& hpfar,
                const std::optional<std::uint64_t>& far) {
    const auto abort = Abort::decode(decoded.value, hpfar.value_or(0), far.value_or(0));
    if (!abort) {
        return;
    }
    decoded.summary = abort_words(*abort, hpfar.has_value(), far.has_value());
    if (hpfar) {
        const Decoded ipa = decode_hpfar(*hpfar);
        for (const std::string& problem : ipa.problems) {
            decoded.problems.push_back("HPFAR_EL2: " + problem);
        }
    }
    if (!Abort::hpfar_valid(abort->status.kind, abort->s1ptw)) {
        decoded.notes.emplace_back(
            abort->status.kind == FaultKind::permission
                ? "HPFAR_EL2 is UNKNOWN after a permission fault that is not of a stage-1 walk: "
                  "the IPA comes from a translation of FAR_EL2 (AT S1E1R, PAR_EL1)"
                : "HPFAR_EL2 is UNKNOWN after this kind of fault");
    } else if (!hpfar) {
        decoded.notes.emplace_back("--hpfar tells the IPA");
    }
    if (abort->s1ptw && abort->ipa && far) {
        decoded.notes.emplace_back("FAR_EL2 is the address that was being translated; where in its "
                                   "page the stage-1 descriptor is, nothing tells");
    }
    if (!abort->far && far) {
        decoded.notes.emplace_back("FAR_EL2 is not valid (FnV)");
    }
    if (abort->syndrome) {
        decoded.notes.push_back("the instruction: " + syndrome_words(*abort->syndrome, abort->wnr));
    } else if (!abort->instruction && !abort->s1ptw && !abort->cache_maintenance) {
        decoded.notes.emplace_back("without ISV the access has to be read from the instruction, to "
                                   "be emulated");
    }
}

} // namespace

Decoded decode_esr(std::uint64_t value, std::optional<std::uint64_t> hpfar,
                   std::optional<std::uint64_t> far) {
    const std::uint64_t ec = esr::ec::get(value);
    Decoded decoded{.name = "ESR_EL2",
                    .value = value,
                    .summary = {},
                    .fields = {},
                    .problems = {},
                    .notes = {}};
    const bool instruction = ec == esr::ec_instruction_abort_lower || ec == instruction_abort_same;
    const bool data = ec == esr::ec_data_abort_lower || ec == data_abort_same;
    if (instruction || data) {
        AbortReading{decoded, instruction}.read();
    } else {
        decoded.fields.push_back(register_field<esr::iss>("ISS", value, "not of an abort"));
    }
    decoded.fields.push_back(register_field<esr::il>(
        "IL", value, esr::il::is_set(value) ? "32-bit instruction" : "16-bit instruction"));
    const std::string class_words = exception_class_words(ec);
    decoded.fields.push_back(
        register_field<esr::ec>("EC", value, class_words.empty() ? "reserved" : class_words));
    if (class_words.empty()) {
        decoded.problems.push_back(fmt::format("EC = {:#x} is reserved", ec));
    }
    decoded.summary = class_words.empty() ? "reserved" : class_words;
    std::ranges::sort(decoded.fields, {}, &RegisterField::low);
    tell_abort(decoded, hpfar, far);
    return decoded;
}

} // namespace twofold::tool
