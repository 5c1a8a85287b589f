/// An export of alerts, page by page.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "api/alerts/alert_query.h"

namespace tocsin::api {
/// An export that goes on, up to the number that was the last when it began.
struct ExportRest {
  AlertQuery query;
  AlertFilter filter;
  bool is_csv = false;
  std::uint64_t last = 0;
  std::function<bool()> may_go_on;
  std::string cursor = {};
  bool has_begun = false;
  bool is_over = false;

  /// The next page's text; nothing: that was all.
  std::optional<std::string> next();
};
}  // namespace tocsin::api
