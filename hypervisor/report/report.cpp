#include "report/report.hpp"
namespace twofold::hyp {
bool write_report(Guest&) { return true; }
} // namespace twofold::hyp
