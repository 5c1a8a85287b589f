/// Alerts as server-sent events (HTML Living Standard, 9.2): each alert's number is the event's id,
/// so that a client goes on after the last one it has.
///
///   id: 12            event: alert   data: the alert's line
///   id: 40            event: gap     data: {"from":13,"to":40}   retention has removed these
///   : heartbeat                      where nothing happens; the id moves on past what is filtered
#pragma once
#include <cstdint>
#include <functional>

#include "api/alerts/alert_feed.h"
#include "api/alerts/alert_query.h"
#include "api/net/http_server.h"

namespace tocsin::api {
/// Writes alerts with numbers beyond `after` that `filter` admits (its status and times are not
/// asked), as they come, until the client is gone, the feed is stopped, or `may_go_on`, which is
/// asked before each write and at least twice a second, says no. It reads the store at the client's
/// pace, some at a time, and holds nothing open meanwhile.
void stream_alerts(const runtime::EffectReader& reader, AlertFeed& feed, const AlertFilter& filter,
                   std::uint64_t after, const std::function<bool()>& may_go_on,
                   const HttpStream& write);
}  // namespace tocsin::api
