#include "api/live/live_alerts.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "api/alerts/alert_filter_query.h"
#include "api/alerts/condition_problem.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using Refused = tl::unexpected<HttpResponse>;

// The number after which a stream begins.
tl::expected<std::uint64_t, HttpResponse> first_after(const runtime::EffectReader& reader,
                                                      const ApiRequest& request, bool has_alerts) {
  const auto last_id = request.http.head().header("last-event-id");
  if (has_alerts && last_id && !last_id->empty()) {
    std::uint64_t after = 0;
    const char* const end = last_id->data() + last_id->size();
    const auto parsed = std::from_chars(last_id->data(), end, after);
    if (parsed.ec == std::errc{} && parsed.ptr == end && after <= INT64_MAX) return after;
    return Refused(problem_response(
        ProblemKind::kBadRequest, "Last-Event-ID is the id of an event of this stream, a number"));
  }
  const auto given = request.integer("after");
  if (has_alerts && given) return static_cast<std::uint64_t>(*given);
  const Result<runtime::EmittedMark> mark = reader.mark();
  if (!mark) return Refused(problem_of_error(mark.error()));
  return mark->number;
}

// One that takes a place of who asked.
class PlacedStream final : public HttpStream {
 public:
  PlacedStream(std::shared_ptr<HttpStream> stream, SharedPlaces::Place place)
      : place_(std::move(place)), stream_(std::move(stream)) {}
  void begin(std::function<void()> wake) override { stream_->begin(std::move(wake)); }
  Next take(std::vector<SharedBytes>& pieces) override { return stream_->take(pieces); }
  void work() override { stream_->work(); }

 private:
  const SharedPlaces::Place place_;
  const std::shared_ptr<HttpStream> stream_;
};
}  // namespace

MaskLine mask_for(const Privacy* privacy, const ApiRequest& request) {
  if (privacy == nullptr || privacy->sees(request.grant)) return {};
  return [privacy](const runtime::StoredAlert& alert) { return privacy->masked(alert); };
}

tl::expected<AlertFilter, HttpResponse> filter_for(const LiveAlerts& alerts,
                                                   const ApiRequest& request) {
  auto filter = read_alert_filter(request);
  if (!filter) return filter;
  filter->mask = mask_for(alerts.privacy, request);
  if (alerts.names != nullptr) {
    if (auto refused = alerts.names->refused(*filter)) return Refused(*std::move(refused));
  }
  if (auto refused = refused_condition(*filter, alerts.conditions))
    return Refused(*std::move(refused));
  return filter;
}

std::function<bool()> while_known(const IsKnown& is_known, const ApiRequest& request) {
  if (!is_known) return [] { return true; };
  return [is_known, grant = request.grant, session = request.session] {
    return is_known(grant, session);
  };
}

tl::expected<std::shared_ptr<HttpStream>, HttpResponse> follow_alerts(const LiveAlerts& alerts,
                                                                      ApiRequest& request,
                                                                      AlertKinds kinds) {
  auto filter = filter_for(alerts, request);
  if (!filter) return Refused(std::move(filter.error()));
  const auto after = first_after(alerts.effects.reader(), request, kinds.alerts);
  if (!after) return Refused(after.error());
  if (alerts.privacy != nullptr) alerts.privacy->note_read(request);
  std::shared_ptr<HttpStream> stream =
      alerts.feed.follow(*std::move(filter), *after, kinds, while_known(alerts.is_known, request));
  if (!stream) return Refused(too_many_streams(alerts.feed.options().followers_max));
  return stream;
}

HttpResponse event_stream(const LiveAlerts& alerts, const ApiRequest& request,
                          std::shared_ptr<HttpStream> stream) {
  if (alerts.streams != nullptr) {
    SharedPlaces::Place place = alerts.streams->take(request.grant.called());
    if (!place) {
      HttpResponse full = problem_response(
          ProblemKind::kUnavailable,
          fmt::format("{} has as many streams open as one may (alerts.streams_max, "
                      "http.share_max)",
                      request.grant.called()));
      full.headers.push_back({"Retry-After", "5"});
      return full;
    }
    stream = std::make_shared<PlacedStream>(std::move(stream), std::move(place));
  }
  return event_stream(std::move(stream));
}

HttpResponse event_stream(std::shared_ptr<HttpStream> stream) {
  HttpResponse response;
  response.stream = std::move(stream);
  response.content_type = "text/event-stream";
  response.headers.push_back({"X-Accel-Buffering", "no"});
  return response;
}

HttpResponse too_many_streams(std::size_t most) {
  HttpResponse full = problem_response(
      ProblemKind::kUnavailable, fmt::format("{} streams are open, as many as there may be", most));
  full.headers.push_back({"Retry-After", "5"});
  return full;
}
}  // namespace tocsin::api
