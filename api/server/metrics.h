/// The figures of a running server in Prometheus' text format. Names stand once, in
/// api/server/metrics.def.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "api/rest/router.h"
#include "api/server/server_context.h"

namespace tocsin::api {
/// A metric as it is described.
struct MetricType {
  std::string_view name;  // without its prefix
  std::string_view kind;  // "counter", "gauge", "histogram"
  std::string_view help;
};
/// All of them, with what they are now.
std::string metrics_text(const ServerContext& context, bool is_ready,
                         std::chrono::steady_clock::time_point began);
void add_metrics_route(Router& router, ServerContext& context, std::function<bool()> is_ready);
}  // namespace tocsin::api
