// SPDX-License-Identifier: MIT
// Reading of what a page is made of: the JSON that the command's other parts write, and dumps and
// traces of KVM.
#pragma once

#include "tools/kvm/kvm_source.hpp"
#include "tools/report/report_data.hpp"
#include "tools/result.hpp"

#include <istream>
#include <string>

namespace twofold::tool {

class ReportSources {
public:
    explicit ReportSources(std::uint64_t most_runs = most_report_runs) : most_runs_{most_runs} {}

    // A file, a folder of KVM's debugfs, or "-". False: the data has nothing of it.
    Result<bool> add(const std::string& path);
    // A text that is there already, under a name.
    Result<bool> add_text(const std::string& name, std::istream& text);

    const ReportData& data() const { return data_; }

private:
    Result<bool> add_json(const std::string& name, std::istream& text);
    Result<bool> add_kvm(const std::string& name, const Result<KvmSource>& source);
    std::uint64_t room() const;

    std::uint64_t most_runs_;
    ReportData data_;
};

} // namespace twofold::tool
