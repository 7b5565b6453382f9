// SPDX-License-Identifier: MIT
// What dumps and traces of KVM have for a page.
#pragma once

#include "tools/kvm/kvm_source.hpp"
#include "tools/report/report_data.hpp"

#include <string>

namespace twofold::tool {

void add_kvm_source(const KvmSource& kvm, const std::string& name, std::uint64_t most_runs,
                    ReportData& data);

} // namespace twofold::tool
