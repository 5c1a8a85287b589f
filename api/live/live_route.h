/// GET /v1/stream: all that somebody follows, by one stream.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/live/change_feed.h"
#include "api/live/live_alerts.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// Something beside alerts that may be followed.
struct LiveTopic {
  std::string name;
  ScopedBy scoped_by = {};  // as of the operation that shows it
  std::size_t place = 0;    // in the feed
  std::size_t limited = 0;  // the same for tokens with limits
};
/// `changes` has the topics, and outlives its streams with the router.
void add_live_route(Router& router, LiveAlerts alerts, std::shared_ptr<ChangeFeed> changes,
                    std::vector<LiveTopic> topics);
}  // namespace tocsin::api
