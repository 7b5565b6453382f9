// SPDX-License-Identifier: MIT
// A descriptor, read at one level of a table.
#include "tools/decode/decode.hpp"
#include "tools/decode/leaf_words.hpp"
#include "tools/text/size.hpp"

#include <twofold/arch/descriptor.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

using type = Field<1, 0>;
using upper_ignored = Field<63, 59>; // of a leaf: PBHA and what extensions use
using table_upper = Field<63, 59>;   // NSTable, APTable, XNTable and PXNTable at stage 1

class Reading {
public:
    Reading(std::uint64_t value, const TableInUse& table, Level level)
        : table_{table},
          geometry_{table.geometry},
          format_{table.geometry},
          level_{level},
          decoded_{.name = fmt::format("descriptor of level {}", level),
                   .value = value,
                   .summary = {},
                   .fields = {},
                   .problems = {},
                   .notes = {}} {}

    Decoded decode() {
        switch (format_.kind(descriptor(), level_)) {
        case EntryKind::invalid:
            invalid();
            break;
        case EntryKind::table:
            table();
            break;
        case EntryKind::block:
        case EntryKind::page:
            leaf();
            break;
        }
        std::ranges::sort(decoded_.fields, {}, &RegisterField::low);
        return std::move(decoded_);
    }

private:
    Descriptor descriptor() const { return {decoded_.value}; }
    std::uint64_t value() const { return decoded_.value; }
    std::uint64_t size() const { return geometry_.entry_size(level_); }
    void problem(std::string text) { decoded_.problems.push_back(std::move(text)); }
    void note(std::string text) { decoded_.notes.push_back(std::move(text)); }
    template <class F>
    void field(std::string_view name, std::string meaning) {
        decoded_.fields.push_back(register_field<F>(name, value(), std::move(meaning)));
    }

    void invalid() {
        if (!descriptor().valid()) {
            field<Field<0>>("valid", "no: a translation fault at this level");
            decoded_.summary = "invalid";
            if (value() != 0) {
                note("bits [63:1] are software's");
            }
            return;
        }
        if (level_ == page_level) {
            field<type>("type", "reserved");
            problem(fmt::format("type 01 is reserved at level 3: a translation fault"));
        } else {
            field<type>("type", "block");
            problem(fmt::format("level {} has no blocks {}: a translation fault", level_,
                                no_block_words(geometry_, level_)));
        }
        decoded_.summary = "acts as invalid";
    }

    void table() {
        const Pa next = format_.next_table(descriptor());
        field<type>("type", "table");
        address_field(fmt::format("table of level {} at {:#x}", level_ + 1, next.value));
        if (table_.features.haft) {
            field<leaf::af>("AF", leaf::af::is_set(value()) ? "a walk has used it (with HAFT)"
                                                            : "no walk has used it (with HAFT)");
        }
        decoded_.summary = fmt::format("table at {:#x}", next.value);
        if (!geometry_.fits(next, geometry_.page_size())) {
            problem(fmt::format("the table does not fit {}-bit addresses: an address size fault "
                                "at level {}",
                                geometry_.pa_bits(), level_));
        }
        const unsigned page = geometry_.shift(page_level);
        if (!geometry_.wide_64k()) {
            decoded_.check_res0(bit_mask(page - 1, 12), "the table's address is not aligned, RES0");
        }
        check_upper_address();
        decoded_.check_res0(table_upper::mask, "RES0 at stage 2, where tables have no attributes");
    }

    void leaf() {
        const Pa output = format_.output(descriptor(), level_);
        const AttributeFormat attributes{.fwb = table_.fwb.value_or(false),
                                         .xnx = table_.features.xnx,
                                         .lpa2 = geometry_.lpa2()};
        const Attributes a = attributes.decode(value(), level_);
        const bool page = level_ == page_level;
        field<type>("type", page ? "page" : "block");
        address_field(fmt::format("{} at {:#x}", size_words(size()), output.value));
        field<leaf::mem_attr>("MemAttr",
                              memory_type_words(leaf::mem_attr::get(value()), table_.fwb));
        field<leaf::s2ap>("S2AP", access_words(a.permissions));
        if (!geometry_.lpa2()) {
            field<leaf::sh>("SH", leaf::sh::get(value()) == 0b01
                                      ? "reserved"
                                      : std::string{to_string(a.shareability)});
        }
        field<leaf::af>("AF", a.access_flag ? "accessed" : "not accessed");
        field<leaf::fnxs>("FnXS", a.fnxs ? "accesses lose the XS attribute" : "as stage 1");
        if (!page) {
            field<leaf::nt>("nT", a.nt ? "not to be cached beside smaller entries" : "no");
        }
        field<leaf::dbm>("DBM", a.dbm ? "hardware may make it writable (with VTCR_EL2.HD)" : "no");
        field<leaf::contiguous>("Contiguous", contiguous_words());
        field<leaf::xn>("XN", execute_words(a.permissions));
        field<leaf::software>("software", "not looked at by the CPU");
        if (upper_ignored::is_set(value())) {
            field<upper_ignored>("PBHA", "ignored, or the implementation's and of extensions");
        }
        decoded_.summary =
            fmt::format("{} of {} at {:#x}, {} {}", page ? "page" : "block", size_words(size()),
                        output.value, permission_letters(a.permissions),
                        table_.fwb ? std::string{to_string(a.type)}
                                   : memory_type_words(leaf::mem_attr::get(value()), table_.fwb));
        check_leaf_address(output);
        check_attributes(a);
        check_contiguous(output);
    }

    std::string contiguous_words() const {
        if (!descriptor().contiguous()) {
            return "no";
        }
        const unsigned run = geometry_.contiguous_run(level_);
        return run > 1 ? fmt::format("one of {} that map {}", run, size_words(run * size()))
                       : "ignored";
    }

    // Of a descriptor with upper address bits elsewhere the lower ones are named.
    void address_field(std::string meaning) {
        const unsigned low = format_.kind(descriptor(), level_) == EntryKind::table
                                 ? geometry_.shift(page_level)
                                 : geometry_.shift(level_);
        const std::uint64_t bits = (value() & bit_mask(47, low)) >> low;
        decoded_.fields.push_back({.name = "address",
                                   .high = 47,
                                   .low = low,
                                   .value = bits,
                                   .meaning = std::move(meaning)});
        if (geometry_.wide_64k()) {
            field<Field<15, 12>>("address[51:48]", "of the same");
        } else if (geometry_.lpa2()) {
            field<Field<49, 48>>("address[49:48]", "of the same");
            field<Field<9, 8>>("address[51:50]", "of the same; SH comes from VTCR_EL2.SH0");
        }
    }

    // [50:48]; with LPA2 [49:48] are the address's.
    void check_upper_address() {
        decoded_.check_res0(geometry_.lpa2() ? bit_mask(50, 50) : bit_mask(50, 48), "RES0");
    }

    void check_leaf_address(Pa output) {
        if (!geometry_.fits(output, size())) {
            problem(fmt::format("the output does not fit {}-bit addresses: an address size fault "
                                "at level {}",
                                geometry_.pa_bits(), level_));
        }
        // Below what the level covers, above what is attributes, nT left out.
        const std::uint64_t below =
            level_ == page_level && geometry_.shift(page_level) == 12
                ? 0
                : bit_mask(geometry_.shift(level_) - 1, 12) & ~format_.address_mask(level_);
        const std::uint64_t nt = level_ == page_level ? 0 : leaf::nt::mask;
        if ((value() & below & ~nt) != 0) {
            problem(fmt::format("the output address is not aligned to {}: {} set, RES0",
                                size_words(size()), bit_ranges(value() & below & ~nt)));
        }
        check_upper_address();
    }

    void check_attributes(const Attributes& a) {
        const std::uint64_t attr = leaf::mem_attr::get(value());
        if (table_.fwb
                ? is_reserved_memory_type(attr, *table_.fwb)
                : is_reserved_memory_type(attr, false) && is_reserved_memory_type(attr, true)) {
            problem(fmt::format("MemAttr = {} is reserved", attr));
        }
        if (!geometry_.lpa2() && leaf::sh::get(value()) == 0b01) {
            problem("SH = 1 is reserved; it acts as outer shareable");
        }
        if (!table_.features.xnx && Field<53>::is_set(value())) {
            problem("[53] set: RES0 without FEAT_XNX");
        }
        if (a.fnxs && !table_.features.xs) {
            problem("FnXS is set: RES0 without FEAT_XS");
        }
        if (a.nt && table_.features.bbm == 0) {
            problem("nT is set: RES0 without FEAT_BBM");
        } else if (a.nt) {
            note("a CPU may take a translation fault on a block with nT");
        }
        if (a.dbm && !table_.features.dirty_state) {
            problem("DBM is set, and the CPU does not track dirty state (FEAT_HAFDBS)");
        }
        if (!a.access_flag) {
            note(Vtcr::ha::is_set(table_.vtcr.value)
                     ? "without AF it is not in any TLB; VTCR_EL2.HA: the first access sets it"
                     : "without AF it is not in any TLB, and the first access is an access flag "
                       "fault");
        }
        if (is_device(a.type) && table_.fwb && a.permissions.execute()) {
            note("a fetch from Device memory may be a permission fault");
        }
    }

    void check_contiguous(Pa output) {
        if (!descriptor().contiguous()) {
            return;
        }
        const unsigned run = geometry_.contiguous_run(level_);
        if (run > 1) {
            const std::uint64_t offset = output.offset_in(run * size());
            note(fmt::format("it belongs at place {} of its run: the IPA is {:#x} into {}",
                             offset / size(), offset, size_words(run * size())));
            return;
        }
        const unsigned always = contiguous_entries(geometry_.granule(), level_);
        problem(always > 1 ? fmt::format("Contiguous is set, and a run of {} is larger than the "
                                         "{}-bit IPA space: the CPU may take a translation fault",
                                         size_words(always * size()), geometry_.ipa_bits())
                           : fmt::format("Contiguous is set, and level {} has no runs", level_));
    }

    const TableInUse& table_;
    const Geometry& geometry_;
    DescriptorFormat format_;
    Level level_;
    Decoded decoded_;
};

} // namespace

Decoded decode_descriptor(std::uint64_t value, const TableInUse& table, Level level) {
    return Reading{value, table, level}.decode();
}

} // namespace twofold::tool
