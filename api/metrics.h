/// The figures of a running server in Prometheus' text format. Names stand once, in
/// api/metrics.def.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"
#include "api/server_context.h"

namespace tocsin::api {
/// A metric as it is described.
struct MetricType {
  std::string_view name;  // without its prefix
  std::string_view kind;  // "counter", "gauge"
  std::string_view help;
};
std::span<const MetricType> all_metrics();
/// What is told of a subscription.
struct SubscriptionFigures {
  std::string id;
  std::string status;      // "active", "paused", "disabled"
  std::uint64_t owed = 0;  // deliveries
};
using ListSubscriptions = std::function<std::vector<SubscriptionFigures>()>;
/// All of them, with what they are now.
std::string metrics_text(const ServerContext& context,
                         const std::vector<SubscriptionFigures>& subscriptions, bool is_ready,
                         std::chrono::steady_clock::time_point began);
void add_metrics_route(Router& router, ServerContext& context, ListSubscriptions subscriptions,
                       std::function<bool()> is_ready);
}  // namespace tocsin::api
