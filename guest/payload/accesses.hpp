// SPDX-License-Identifier: MIT
// Accesses whose faulting instruction is known: see accesses.S and undefined.S.
#pragma once

#include <cstdint>

extern "C" {

using Access = std::uint64_t(std::uint64_t address, std::uint64_t value);

Access access_load8, access_load16, access_load32, access_load64, access_load_signed,
    access_load_acquire, access_store8, access_store16, access_store32, access_store64,
    access_store_release, access_load_pair, access_store_pair, access_load_post, access_load_pre,
    access_store_post, access_load_vector, access_store_vector, access_load_exclusive,
    access_store_atomic, access_prefetch, access_dc_cvac, access_dc_civac, access_dc_ivac,
    access_dc_cvau, access_ic_ivau, access_dc_zva, access_translate, access_jump,
    access_call_service, access_call_hypervisor, access_call_monitor;

// x0 to x30, before and after.
void call_hvc(std::uint64_t* registers);
void call_smc(std::uint64_t* registers);
void call_hvc_with_number(std::uint64_t* registers);

struct UndefinedInstruction {
    Access* function;
    const char* name;
};
extern const UndefinedInstruction undefined_list[]; // ends with null
}
