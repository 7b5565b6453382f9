// SPDX-License-Identifier: MIT
// GuestMachine: a guest on the host. Its accesses are translated by the model's walker; what faults
// becomes ESR_EL2, HPFAR_EL2 and FAR_EL2, and goes through GuestMemory as on a CPU.
#pragma once

#include "guest_host_port.hpp"
#include "table/geometries.hpp"

#include <twofold/model/walker.hpp>
#include <twofold/vm/guest_memory.hpp>

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

namespace twofold::test {

class GuestMachine {
public:
    using Memory = GuestMemory<GuestHostPort, std::mutex>;

    GuestMachine(const Geometry& geometry, const CpuFeatures& features,
                 const GuestMemoryPolicy& policy = {}, bool hardware_dirty_state = false)
        : memory{port,
                 Stage2<GuestHostPort>{port, geometry, features,
                                       *Stage2<GuestHostPort>::allocate_root(port, geometry)},
                 slots, contexts, policy},
          config{walk_config(features, geometry, memory.root(),
                             {.hardware_access_flag = hardware_dirty_state,
                              .hardware_dirty_state = hardware_dirty_state})} {}

    model::WalkResult walk(Ipa ipa, model::AccessKind kind) {
        const std::shared_lock walking{port.walks};
        return model::walk(config, port, ipa, {.kind = kind});
    }
    bool allows(Ipa ipa, model::AccessKind kind) { return walk(ipa, kind).translated(); }

    // The abort that a CPU would report: HPFAR_EL2 is noise where the architecture leaves it
    // UNKNOWN. Data accesses of one register come with a syndrome: a word in X1.
    static Abort abort_of(const model::WalkResult& result, Ipa ipa, model::AccessKind kind,
                          bool syndrome = true) {
        const bool fetch = kind == model::AccessKind::fetch;
        const bool walk =
            kind == model::AccessKind::stage1_walk || kind == model::AccessKind::stage1_update;
        std::uint64_t esr = (fetch ? 0x20ULL : 0x24ULL) << 26 | 1ULL << 25 | result.fault.iss;
        if (syndrome && !fetch && !walk) {
            esr |= 1ULL << 24 | 2ULL << 22 | 1ULL << 16;
        }
        const std::uint64_t hpfar = result.fault.hpfar_valid ? result.fault.hpfar : 0xdead'bee0;
        return *Abort::decode(esr, hpfar, 0xffff'8000'1234'5000 | (ipa.value & 0xfff));
    }

    Resolution handle(const Abort& abort, std::optional<Ipa> translated = {}, unsigned vcpu = 0) {
        return memory.handle(abort, contexts[vcpu], translated);
    }

    // One access of vCPU 0; the abort goes through the memory at most once. Returns the physical
    // address, or what became of the abort; nothing if the access faults again after a resume.
    struct Result {
        std::optional<Pa> pa = {};
        bool faulted = false;
        std::optional<Resolution> resolution = {};
        model::Translation translation = {};
    };
    Result access(Ipa ipa, model::AccessKind kind) {
        Result result;
        model::WalkResult walked = walk(ipa, kind);
        if (walked.faulted()) {
            result.faulted = true;
            const Abort abort = abort_of(walked, ipa, kind);
            result.resolution = handle(abort, abort.ipa ? std::nullopt : std::optional{ipa});
            if (result.resolution->outcome != Outcome::resume) {
                return result;
            }
            walked = walk(ipa, kind);
        }
        if (walked.translated()) {
            result.pa = walked.translation.pa;
            result.translation = walked.translation;
        }
        return result;
    }

    GuestHostPort port = GuestHostPort{};
    std::array<Slot, 16> slots = {}; // for 8
    std::array<FaultContext, 8> contexts = {};
    Memory memory;
    model::WalkConfig config;
};

// Extents of one length, side by side in the slot and shuffled in physical memory.
class ExtentBacking : public Backing {
public:
    // Extent n, at n * length - lead, has PA base + (n ^ shuffle) * length, cut to 47 bits: a guest
    // larger than that sees memory twice.
    ExtentBacking(Pa base, std::uint64_t length, std::uint64_t shuffle = 0, std::uint64_t lead = 0)
        : base_{base},
          length_{length},
          shuffle_{shuffle},
          lead_{lead} {}

    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        if (on_ask) {
            on_ask(offset, access);
        }
        if (missing) {
            return std::unexpected(*missing);
        }
        return make(offset);
    }
    Pa pa_of(std::uint64_t offset) const { return make(offset).pa_of(offset); }

    std::optional<Unbacked> missing = {};
    std::function<void(std::uint64_t, AccessKind)> on_ask = {};
    Extent pattern = {}; // flags and type of each extent

private:
    Extent make(std::uint64_t offset) const {
        const std::uint64_t n = (offset + lead_) / length_;
        Extent extent = pattern;
        extent.offset = n * length_;
        extent.length = length_;
        extent.pa = base_ + ((n ^ shuffle_) * length_ & bit_mask(46, 0));
        if (extent.offset < lead_) { // the first one is cut
            extent.pa += lead_;
            extent.length -= lead_;
            extent.offset = 0;
        } else {
            extent.offset -= lead_;
        }
        return extent;
    }

    Pa base_;
    std::uint64_t length_;
    std::uint64_t shuffle_;
    std::uint64_t lead_;
};

} // namespace twofold::test
