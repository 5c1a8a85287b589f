#include "api/server/event_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/alerts/alert_scope.h"
#include "api/node/event_batch.h"
#include "api/node/event_body.h"
#include "api/privacy/privacy.h"
#include "api/rest/event_types.h"
#include "cep/value/time.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using std::chrono::milliseconds;
constexpr milliseconds kAlertsWait{200};
constexpr milliseconds kAlertsWaitMax{5'000};
constexpr std::size_t kProducerBytesMax = 100;
// A body that is taken apart on the connection's thread, and an answer that is written there: other
// connections of the thread wait for that long.
constexpr std::uint64_t kAtOnceBytesMax = std::uint64_t{64} << 10;
constexpr std::size_t kAtOnceVerdictsMax = 1000;
constexpr std::array kStatuses = {EventStatus::kAccepted, EventStatus::kDuplicate,
                                  EventStatus::kLate,     EventStatus::kClamped,
                                  EventStatus::kIgnored,  EventStatus::kInvalid};

bool is_producer(std::string_view name) {
  return !name.empty() && name.size() <= kProducerBytesMax &&
         std::ranges::all_of(name, [](char letter) {
           const char lower = static_cast<char>(letter | 0x20);
           return (letter >= '0' && letter <= '9') || (lower >= 'a' && lower <= 'z') ||
                  letter == '-' || letter == '_' || letter == '.' || letter == ':';
         });
}

// Whose lines these are, and how many came before them.
tl::expected<void, HttpResponse> read_producer(const RequestHead& head, EventBatch& batch) {
  const auto producer = head.header("tocsin-producer");
  const auto sequence = head.header("tocsin-sequence");
  if (!producer && !sequence) return {};
  if (!producer || !sequence) {
    return tl::unexpected(problem_response(
        ProblemKind::kBadRequest, "Tocsin-Producer and Tocsin-Sequence must be sent together"));
  }
  if (!is_producer(*producer)) {
    return tl::unexpected(problem_response(
        ProblemKind::kBadRequest,
        fmt::format("Tocsin-Producer has 1 to {} of the letters a-z A-Z 0-9 - _ . :",
                    kProducerBytesMax)));
  }
  const char* const end = sequence->data() + sequence->size();
  const auto parsed = std::from_chars(sequence->data(), end, batch.sequence);
  if (sequence->empty() || parsed.ec != std::errc{} || parsed.ptr != end) {
    return tl::unexpected(problem_response(
        ProblemKind::kBadRequest,
        "Tocsin-Sequence is a whole number: how many events the producer sent before these"));
  }
  batch.producer = *producer;
  return {};
}

std::optional<milliseconds> wait_of(const ApiRequest& request) {
  if (request.text("wait") != "alerts") return std::nullopt;
  const auto text = request.text("timeout");
  if (!text) return kAlertsWait;
  return std::clamp(milliseconds(cep::parse_duration(*text)->us / 1000), milliseconds(0),
                    kAlertsWaitMax);
}

void append_verdict(std::string& to, const EventVerdict& verdict, std::uint64_t line) {
  to += fmt::format(R"({{"status":"{}","line":{})", event_status_name(verdict.status), line);
  if (verdict.status == EventStatus::kLate || verdict.status == EventStatus::kClamped) {
    to += fmt::format(R"(,"late_us":{})", verdict.late_by.us);
  }
  if (!verdict.reason.empty()) {
    to += verdict.status == EventStatus::kIgnored ? R"(,"type":)" : R"(,"reason":)";
    runtime::append_json_text(to, verdict.reason);
  }
  to += '}';
}

// Written by hand: there may be a million verdicts.
std::string answer_text(const EventAnswer& answer, const EventLines& lines, bool is_counted,
                        bool has_all, bool tells_alerts) {
  std::array<std::size_t, kStatuses.size()> counts{};
  for (const EventVerdict& verdict : answer.others) {
    ++counts[static_cast<std::size_t>(verdict.status)];
  }
  counts[0] = lines.count - answer.others.size();
  std::string text = fmt::format(R"({{"events":{})", lines.count);
  for (const EventStatus status : kStatuses) {
    text += fmt::format(R"(,"{}":{})", event_status_name(status),
                        counts[static_cast<std::size_t>(status)]);
  }
  if (is_counted) text += fmt::format(R"(,"next_sequence":{})", answer.next_sequence);
  text += R"(,"verdicts":[)";
  auto other = answer.others.begin();
  for (std::size_t place = 0; place < lines.count; ++place) {
    const bool is_other = other != answer.others.end() && other->place == place;
    if (!is_other && !has_all) {
      if (other == answer.others.end()) break;
      place = other->place - 1;  // the next that is told
      continue;
    }
    if (text.back() != '[') text += ',';
    if (is_other) {
      append_verdict(text, *other++, lines.number_of(place));
    } else {
      text += R"({"status":"accepted"})";
    }
  }
  text += ']';
  if (tells_alerts) {
    text += R"(,"alerts":[)";
    for (const std::string& alert : answer.alerts) {
      if (text.back() != '[') text += ',';
      text += alert;
    }
    text += fmt::format(R"(],"complete":{})", answer.is_complete);
  }
  text += "}\n";
  return text;
}

// Where a token may not send an event of the body; none of it is taken then.
std::optional<HttpResponse> refused_type(const TokenGrant& grant, const EventLines& lines) {
  const TokenScope& scope = grant.scope;
  if (scope.types.empty()) return std::nullopt;
  const std::optional<OtherType> other = find_other_type(lines.text, scope.types);
  if (!other) return std::nullopt;
  const std::uint64_t line = lines.number_of(other->place);
  const std::string what = other->type ? fmt::format("is an event of the type {}", *other->type)
                                       : "has no type that can be read";
  return problem_response(ProblemKind::kForbidden,
                          fmt::format("{} is limited to {}, and line {} {}: no event was taken",
                                      grant.called(), scope.text(), line, what));
}

// Events from their whole body to their answer. What is counted of the body is held until then.
struct PostedEvents {
  PostedEvents(BodyBudget& bodies, std::string asker) : hold(bodies, std::move(asker)) {}
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  BodyBudget::Hold hold;
  EventLines lines;  // without their text, once the node has it
  EventBatch batch;  // until the node has it
  bool is_counted = false;
  bool tells_alerts = false;
};

// Takes the body apart. Fails with the answer: no event is taken then.
tl::expected<void, HttpResponse> read_events(ServerContext& context, ApiRequest& request,
                                             PostedEvents& posted) {
  const RequestHead& head = request.http.head();
  EventBatch& batch = posted.batch;
  if (head.header("idempotency-key") && !head.header("tocsin-producer")) {
    return tl::unexpected(problem_response(
        ProblemKind::kBadRequest,
        "Tocsin-Producer and Tocsin-Sequence make sure that each event is accepted once, without a "
        "time limit; an Idempotency-Key would expire: send those headers, or leave it out"));
  }
  if (auto read = read_producer(head, batch); !read) return tl::unexpected(std::move(read.error()));
  std::string encoding(head.header("content-encoding").value_or(""));
  std::ranges::transform(encoding, encoding.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  auto unpacked = unpack_body(request.http.take_body(), encoding,
                              unpack_limits(context.configuration), posted.hold);
  if (!unpacked) return tl::unexpected(problem_of_fault(unpacked.error()));
  if (!posted.hold.add(bytes_to_split(head, unpacked->size())))
    return tl::unexpected(unavailable_response(kNoRoomForBody));
  auto as_lines = event_lines(head, *std::move(unpacked), request.trace_parent, &batch.traces);
  if (!as_lines) return tl::unexpected(problem_of_fault(as_lines.error()));
  EventLines& lines = posted.lines;
  lines = split_event_lines(*std::move(as_lines), context.line_bytes_max);
  const auto events_max =
      static_cast<std::size_t>(context.configuration.integer("events.request_events_max"));
  if (lines.count > events_max) {
    return tl::unexpected(problem_response(
        ProblemKind::kTooLarge,
        fmt::format("a request may have {} events, and this one has {}: send them in parts",
                    events_max, lines.count)));
  }
  if (auto refused = refused_type(request.grant, lines)) return tl::unexpected(*std::move(refused));
  batch.lines = std::move(lines.text);
  batch.count = lines.count;
  batch.wait_for_alerts = wait_of(request);
  batch.owner = request.grant.name;
  posted.is_counted = !batch.producer.empty();
  posted.tells_alerts = batch.wait_for_alerts.has_value();
  return {};
}

HttpResponse answer_events(ServerContext& context, ApiRequest& request, const PostedEvents& posted,
                           Served<EventAnswer>& answer) {
  if (!answer) return refusal_response(answer.error());
  std::erase_if(answer->alerts,
                [&](const std::string& alert) { return !is_alert_in(request.grant.scope, alert); });
  if (const Privacy* const privacy = context.privacy; privacy != nullptr && posted.tells_alerts) {
    if (!answer->alerts.empty()) privacy->note_read(request);
    if (privacy->masks(request.grant)) {
      for (std::string& alert : answer->alerts) alert = privacy->masked_line(alert);
    }
  }
  HttpResponse response{200,
                        {},
                        "application/json",
                        answer_text(*answer, posted.lines, posted.is_counted,
                                    request.text("verdicts") != "others", posted.tells_alerts)};
  // Who waits for alerts waits for more than the verdicts.
  if (!posted.tells_alerts)
    context.http.add_event_answer(std::chrono::steady_clock::now() - posted.began);
  return response;
}

// Reading alerts is written down, and many verdicts take their time: a worker does it.
HttpResponse post_events(ServerContext& context, ApiRequest& request) {
  const auto posted = std::make_shared<PostedEvents>(request.bodies, request.grant.called());
  if (auto read = read_events(context, request, *posted); !read) return std::move(read.error());
  HttpResponse response;
  response.later = [&context, &request, posted](const HttpPromise& promise) {
    const milliseconds patience{std::max<std::int64_t>(
        context.configuration.duration("http.request_time_max").us / 1250, 1)};
    const bool is_at_once = !posted->tells_alerts && posted->lines.count <= kAtOnceVerdictsMax;
    context.node.take(
        std::move(posted->batch), patience,
        [&context, &request, posted, promise, is_at_once](Served<EventAnswer> answer) {
          promise.answer(
              [&context, &request, posted, answer = std::move(answer)]() mutable {
                return answer_events(context, request, *posted, answer);
              },
              is_at_once);
        });
  };
  return response;
}

ordered_json answer_schema() {
  ordered_json properties = {{"events", {{"type", "integer"}}}};
  ordered_json names = ordered_json::array();
  for (const EventStatus status : kStatuses) {
    names.push_back(event_status_name(status));
    properties[std::string(event_status_name(status))] = {{"type", "integer"}};
  }
  properties["next_sequence"] = {{"type", "integer"},
                                 {"description", "The producer's next sequence number"}};
  properties["verdicts"] = {
      {"type", "array"},
      {"description", "One for each event, in the order of the body"},
      {"items",
       {{"type", "object"},
        {"required", {"status"}},
        {"properties",
         {{"status", {{"type", "string"}, {"enum", names}}},
          {"line", {{"type", "integer"}, {"description", "Line in the body, from 1"}}},
          {"late_us", {{"type", "integer"}}},
          {"type", {{"type", "string"}}},
          {"reason", {{"type", "string"}}}}}}}};
  properties["alerts"] = {{"type", "array"}, {"items", {{"type", "object"}}}};
  properties["complete"] = {{"type", "boolean"}};
  return {{"type", "object"},
          {"required", {"events", "accepted", "verdicts"}},
          {"properties", properties}};
}
}  // namespace

void add_event_routes(Router& router, ServerContext& context) {
  router.add_schema("EventAnswer", answer_schema());
  std::vector<std::string> types;
  for (const std::string_view type : event_media_types()) types.emplace_back(type);
  router.add(
      {.method = "POST",
       .path = "/v1/events",
       .operation_id = "postEvents",
       .tag = "events",
       .summary = "Ingest events",
       .description =
           "Answered once the events are on disk and each has a verdict. With the headers "
           "Tocsin-Producer and Tocsin-Sequence (how many events that producer sent before these) "
           "a request may be sent again, and no event is accepted twice. A producer belongs "
           "to the token that used its name first. Content-Encoding may be gzip or zstd.",
       .role = Role::kProducer,
       .effect = RouteEffect::kEvents,
       .scoped_by = kAnyScope,
       .query_parameters = {{.name = "wait",
                             .type = RouteParameter::Type::kWord,
                             .description = "Also return the alerts that these events cause",
                             .words = {"alerts"}},
                            {.name = "timeout",
                             .type = RouteParameter::Type::kDuration,
                             .description = "How long to wait for them; default 200ms, at most 5s"},
                            {.name = "verdicts",
                             .type = RouteParameter::Type::kWord,
                             .description = "Which verdicts are returned: all (default), or those "
                                            "of events that were not simply accepted",
                             .words = {"all", "others"}}},
       .body = RouteBody{types},
       .answers = {{200, "The verdict on each event", "application/json", "EventAnswer"}},
       .request_headers = {"Content-Encoding", "Tocsin-Producer", "Tocsin-Sequence",
                           "Idempotency-Key"},
       .at_once_bytes_max = kAtOnceBytesMax,
       .problems = {408, 409, 413, 415},
       .handler = [&context](ApiRequest& request) { return post_events(context, request); }});
}
}  // namespace tocsin::api
