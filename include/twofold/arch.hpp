// SPDX-License-Identifier: MIT
// Everything that the architecture says about stage 2, as constexpr values.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/address.hpp>
#include <twofold/arch/attributes.hpp>
#include <twofold/arch/contiguous.hpp>
#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/descriptor.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/fault_status.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/arch/granule.hpp>
#include <twofold/arch/memory_type.hpp>
#include <twofold/arch/permissions.hpp>
#include <twofold/arch/tlbi.hpp>
#include <twofold/arch/tlbi_operation.hpp>
#include <twofold/arch/vtcr.hpp>
#include <twofold/arch/vtcr_geometry.hpp>
#include <twofold/arch/vttbr.hpp>
