// SPDX-License-Identifier: MIT
// Everything that the architecture says about stage 2, as constexpr values.
#pragma once

#include "arch/abort.hpp"
#include "arch/address.hpp"
#include "arch/attributes.hpp"
#include "arch/contiguous.hpp"
#include "arch/cpu_features.hpp"
#include "arch/descriptor.hpp"
#include "arch/error.hpp"
#include "arch/fault_status.hpp"
#include "arch/geometry.hpp"
#include "arch/granule.hpp"
#include "arch/memory_type.hpp"
#include "arch/permissions.hpp"
#include "arch/tlbi.hpp"
#include "arch/vtcr.hpp"
#include "arch/vttbr.hpp"
