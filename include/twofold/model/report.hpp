// SPDX-License-Identifier: MIT
// Report: what the checker found, at the event that was wrong, and ReportRef: who wants to know.
#pragma once

#include <twofold/model/event.hpp>
#include <twofold/model/fixed_list.hpp>
#include <twofold/model/rule.hpp>

#include <concepts>
#include <cstdint>

namespace twofold::model {

struct NumberedEvent {
    std::uint64_t number = 0;
    Event event = {};
};

struct Report {
    std::uint64_t number = 0; // of the event, from 1
    Event event = {};
    Rule rule = Rule::out_of_memory;
    Cause cause = Cause::none;
    std::uint64_t ipa = 0;
    int level = 0;
    std::uint64_t entry = 0;  // physical address
    std::uint64_t before = 0; // what a TLB or a walker may have
    std::uint64_t after = 0;  // what is there now
    // The last events that concern the entry: stores to it, TLBIs and barriers. Oldest first.
    FixedList<NumberedEvent, 8> history = {};
};

// Does not own: the receiver, any object that can be called with a report, must outlive it.
class ReportRef {
public:
    constexpr ReportRef() = default;
    template <class Receiver>
    requires(!std::same_as<Receiver, ReportRef>) &&
        requires(Receiver& receiver, const Report& report) {
        receiver(report);
    }
    constexpr explicit ReportRef(Receiver& receiver)
        : object_(&receiver),
          call_([](void* object, const Report& report) {
              (*static_cast<Receiver*>(object))(report);
          }) {}

    void operator()(const Report& report) const {
        if (call_ != nullptr) {
            call_(object_, report);
        }
    }

private:
    void* object_ = nullptr;
    void (*call_)(void*, const Report&) = nullptr;
};

} // namespace twofold::model
