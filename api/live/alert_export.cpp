#include "api/live/alert_export.h"

#include <cstddef>

#include "api/alerts/alert_line.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kRowsAtOnce = 500;
}  // namespace

std::optional<std::string> ExportRest::next() {
  if (is_over) return std::nullopt;
  std::string text;
  if (is_csv && !has_begun) text = alert_csv_head();
  has_begun = true;
  const Result<AlertPage> page = query.page(filter, AlertOrder::kOldest, kRowsAtOnce, cursor);
  if (!page || !may_go_on()) {
    is_over = true;
    // The status has left: what stands last says that this is not all.
    return text + (is_csv ? "error,the export is not complete\r\n"
                          : R"({"error":"the export is not complete"})"
                            "\n");
  }
  for (const AlertHit& hit : page->hits) {
    if (hit.alert.number > last) break;
    const std::string line = filter.shown(hit.alert);
    text += is_csv ? alert_csv_row(line, name_of(hit.triage.state)) : line + "\n";
  }
  cursor = page->next;
  is_over = cursor.empty() || (!page->hits.empty() && page->hits.back().alert.number >= last);
  return text;
}
}  // namespace tocsin::api
