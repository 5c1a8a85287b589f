#include "api/live/live_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/alerts/alert_filter_query.h"
#include "api/live/joined_stream.h"
#include "api/rest/problem.h"
#include "rules/text/suggest.h"

namespace tocsin::api {
namespace {
using Type = RouteParameter::Type;
using Refused = tl::unexpected<HttpResponse>;
constexpr const char* kAlerts = "alerts";
constexpr const char* kTriage = "triage";
constexpr const char* kDescription =
    "`topics` names what is followed, with commas between. `alerts` are the events `alert` and "
    "`gap` of `GET /v1/alerts/stream`, with the same filter, `after` and Last-Event-ID; `triage` "
    "are its events `triage` and `triage_from_here`, of alerts of that filter. Of each other topic "
    "the stream first tells how it is, then what changes, twice a second at most. `rules`: the "
    "version that is active, `{\"version\":7}`. `notices`: the notice that was added or counted "
    "last, `{\"sequence\",\"kind\",\"subject\",\"last_at\",\"count\"}`. `health`: `{\"status\","
    "\"ready\",\"causes\"}` without details, at most 20 causes, and `more`, the number of the "
    "others. `backtests`: `{\"id\",\"state\",\"progress\"}`, one event for each, of which "
    "`removed` "
    "is a state too. `changes`: what waits for another person, a change of rules or another "
    "request, `{\"id\",\"waits\",\"approvals\"}`, one event for each; `waits` is false when it "
    "has ended. Their events have no id: Last-Event-ID is the place among the alerts. A topic "
    "that a token may not read is answered with 403.";

class LiveStreams {
 public:
  LiveStreams(LiveAlerts alerts, std::shared_ptr<ChangeFeed> changes, std::vector<LiveTopic> topics)
      : alerts_(std::move(alerts)), changes_(std::move(changes)), topics_(std::move(topics)) {}

  std::vector<std::string> names() const {
    std::vector<std::string> names = {kAlerts, kTriage};
    for (const LiveTopic& topic : topics_) names.push_back(topic.name);
    return names;
  }
  HttpResponse follow(ApiRequest& request) const {
    const auto wanted = read_topics(request);
    if (!wanted) return wanted.error();
    std::shared_ptr<HttpStream> alerts;
    if (wanted->kinds.alerts || wanted->kinds.triage) {
      auto followed = follow_alerts(alerts_, request, wanted->kinds);
      if (!followed) return followed.error();
      alerts = *std::move(followed);
    }
    if (wanted->places.empty()) return event_stream(alerts_, request, std::move(alerts));
    std::shared_ptr<HttpStream> changes = changes_->follow({wanted->places, alerts == nullptr},
                                                           while_known(alerts_.is_known, request));
    if (!changes) return too_many_streams(changes_->options().followers_max);
    if (!alerts) return event_stream(alerts_, request, std::move(changes));
    return event_stream(alerts_, request, join_streams(std::move(alerts), std::move(changes)));
  }

 private:
  struct Wanted {
    AlertKinds kinds{false, false};
    std::vector<std::size_t> places;  // of the feed
  };

  tl::expected<Wanted, HttpResponse> read_topics(const ApiRequest& request) const {
    Wanted wanted;
    std::string_view rest = request.text("topics").value_or(kAlerts);
    for (bool has_more = true; has_more;) {
      const std::size_t comma = rest.find(',');
      const std::string_view name = rest.substr(0, comma);
      has_more = comma != std::string_view::npos;
      if (has_more) rest.remove_prefix(comma + 1);
      if (name == kAlerts) {
        wanted.kinds.alerts = true;
      } else if (name == kTriage) {
        wanted.kinds.triage = true;
      } else if (auto refused = add_topic(name, request, wanted)) {
        return Refused(*std::move(refused));
      }
    }
    return wanted;
  }
  std::optional<HttpResponse> add_topic(std::string_view name, const ApiRequest& request,
                                        Wanted& wanted) const {
    const auto topic = std::ranges::find(topics_, name, &LiveTopic::name);
    if (topic == topics_.end()) return unknown_topic(name);
    const TokenScope& scope = request.grant.scope;
    const bool is_kept = (scope.tags.empty() || topic->scoped_by.tags) &&
                         (scope.types.empty() || topic->scoped_by.types);
    if (!is_kept) {
      return problem_response(
          ProblemKind::kForbidden,
          fmt::format("{} is limited to {}, and the topic {} is about more than that",
                      request.grant.called(), scope.text(), name));
    }
    const std::size_t place = scope.is_whole() ? topic->place : topic->limited;
    // Named twice it is followed once.
    if (std::ranges::find(wanted.places, place) == wanted.places.end())
      wanted.places.push_back(place);
    return std::nullopt;
  }
  HttpResponse unknown_topic(std::string_view name) const {
    const std::vector<std::string> known = names();
    const auto meant = rules::nearest(name, known);
    const std::string all = fmt::format("{}", fmt::join(known, ", "));
    return bad_parameter_response(
        "topics", meant ? fmt::format("there is no topic `{}`: did you mean {}? Topics: {}", name,
                                      *meant, all)
                        : fmt::format("there is no topic `{}`; topics: {}", name, all));
  }

  const LiveAlerts alerts_;
  const std::shared_ptr<ChangeFeed> changes_;
  const std::vector<LiveTopic> topics_;
};
}  // namespace

void add_live_route(Router& router, LiveAlerts alerts, std::shared_ptr<ChangeFeed> changes,
                    std::vector<LiveTopic> topics) {
  const auto streams =
      std::make_shared<const LiveStreams>(std::move(alerts), std::move(changes), std::move(topics));
  const std::string one = fmt::format("({})", fmt::join(streams->names(), "|"));
  std::vector<RouteParameter> parameters = alert_filter_parameters();
  parameters.push_back({.name = "topics",
                        .description = "What is followed; default alerts",
                        .pattern = fmt::format("^{}(,{})*$", one, one)});
  parameters.push_back(
      {.name = "after",
       .type = Type::kInteger,
       .description = "Begin after this alert's number; 0: with the oldest alert"});
  router.add({.method = "GET",
              .path = "/v1/stream",
              .operation_id = "stream",
              .tag = "alerts",
              .summary = "Alerts and what changes in the server, by one stream of server-sent "
                         "events",
              .description = kDescription,
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .query_parameters = std::move(parameters),
              .answers = {{200, "The events", "text/event-stream"}},
              .request_headers = {"Last-Event-ID"},
              .problems = {422},
              .handler = [streams](ApiRequest& request) { return streams->follow(request); }});
}
}  // namespace tocsin::api
