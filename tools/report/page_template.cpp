// SPDX-License-Identifier: MIT
// The page as the build found it. It comes in pieces, since compilers bound the length of a string.
#include "tools/report/page_template.hpp"

namespace twofold::tool {

namespace {

#ifdef TWOFOLD_REPORT_PAGE
using namespace std::string_view_literals; // a compiler counts to its limit, else
constexpr std::string_view pieces[] = {
#include TWOFOLD_REPORT_PAGE
};
#endif

} // namespace

std::span<const std::string_view> page_template() {
#ifdef TWOFOLD_REPORT_PAGE
    return pieces;
#else
    return {};
#endif
}

} // namespace twofold::tool
