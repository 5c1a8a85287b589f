#include "api/trace/trace_routes.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/backtest/archive_question.h"
#include "api/node/node_report.h"
#include "api/rest/check_slots.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/trace/archive_routes.h"
#include "api/trace/archived_keys.h"
#include "api/trace/key_history.h"
#include "api/trace/key_trace.h"
#include "api/trace/silenced_alerts.h"
#include "api/trace/trace_json.h"
#include "api/trace/trace_slots.h"
#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::int64_t kEntriesUsual = 200;
constexpr std::int64_t kEntriesMost = 10'000;
constexpr std::int64_t kPointsUsual = 500;
constexpr std::int64_t kPointsMost = 10'000;

// Threading: any.
class Tracing {
 public:
  Tracing(std::shared_ptr<const TraceSource> source, std::shared_ptr<TraceSlots> slots)
      : of_(std::move(source)), source_(*of_), slots_(std::move(slots)) {}

  HttpResponse trace(ApiRequest& request) {
    if (source_.refused_unmasked) {
      if (auto refused = source_.refused_unmasked(request)) return *std::move(refused);
    }
    const TraceSlots::Place place(*slots_);
    if (!place.is_free) return TraceSlots::busy();
    Result<TraceRequest> asked = asked_of(request);
    if (!asked) return problem_of_error(asked.error(), ProblemKind::kBadParameter);
    const auto text = [&](const char* name) {
      return std::string(request.text(name).value_or(""));
    };
    const Outcome<ArchivedKeys> archive =
        ArchivedKeys::open(source_.files, source_.data, text("from"), text("to"));
    if (!archive) return problem_response(ProblemKind::kBadParameter, archive.error().message);
    if (const auto known = archive->describe(*asked); !known) {
      return problem_of_error(known.error());
    }
    const Served<cep::Program> program = source_.program();
    if (!program) return source_.refused(program.error());
    Result<KeyTracer> tracer = KeyTracer::prepare(*program, *std::move(asked));
    if (!tracer) return problem_of_error(tracer.error(), ProblemKind::kBadParameter);
    return run(*tracer, *archive);
  }

  HttpResponse history(ApiRequest& request) {
    if (source_.refused_unmasked) {
      if (auto refused = source_.refused_unmasked(request)) return *std::move(refused);
    }
    const TraceSlots::Place place(*slots_);
    if (!place.is_free) return TraceSlots::busy();
    const auto text = [&](const char* name) {
      return std::string(request.text(name).value_or(""));
    };
    HistoryRequest asked;
    asked.limits = source_.history;
    asked.points_max = static_cast<std::size_t>(request.integer("limit").value_or(kPointsUsual));
    auto parts = key_parts(split_key(*request.text("key")));
    if (!parts) return problem_response(ProblemKind::kBadParameter, parts.error().message);
    asked.key = *std::move(parts);
    const auto from = archive_time(text("from"), "from");
    if (!from) return problem_response(ProblemKind::kBadParameter, from.error().message);
    asked.from = from->value_or(cep::kEventTimeMin);
    const Outcome<ArchivedKeys> archive =
        ArchivedKeys::open(source_.files, source_.data, text("since"), text("to"));
    if (!archive) return problem_response(ProblemKind::kBadParameter, archive.error().message);
    TraceRequest known;
    if (const auto read = archive->describe(known); !read) return problem_of_error(read.error());
    asked.has_key_index = known.has_key_index;
    asked.lists_change = known.lists_change;
    const Served<cep::Program> program = source_.program();
    if (!program) return source_.refused(program.error());
    Result<KeyReplay> replay = KeyReplay::prepare(*program, std::move(asked));
    if (!replay) return problem_of_error(replay.error(), ProblemKind::kBadParameter);
    ArchiveNotes notes;
    const Result<KeyHistory> found = replay->run(*archive, bounded(), notes);
    if (source_.is_closing) return unavailable_response("the server stops");
    if (!found) return problem_of_error(found.error());
    return json_text_response(200, history_json(*replay, *found, notes.texts));
  }

 private:
  static Result<TraceRequest> asked_of(const ApiRequest& request) {
    TraceRequest asked;
    if (const auto key = request.text("key")) {
      auto parts = key_parts(split_key(*key));
      if (!parts) return tl::unexpected(parts.error());
      asked.key = *std::move(parts);
    }
    if (const auto rule = request.text("rule")) asked.rules = {std::string(*rule)};
    if (const auto at = request.text("at")) asked.at = cep::parse_time(*at);
    asked.entries_max = static_cast<std::size_t>(request.integer("limit").value_or(kEntriesUsual));
    return asked;
  }

  // Ends with the server, and after its time.
  runtime::RunOptions bounded() const {
    runtime::RunOptions options = source_.options;
    options.stop_requested = [&is_closing = source_.is_closing,
                              ends = steady_clock::now() + kTraceTimeMost] {
      return is_closing || steady_clock::now() > ends;
    };
    return options;
  }

  HttpResponse run(KeyTracer& tracer, const ArchivedKeys& archive) {
    ArchiveNotes notes;
    Result<KeyTrace> trace = trace_archive(tracer, archive, "the archive", bounded(), {}, notes);
    if (!trace && source_.is_closing) return unavailable_response("the server stops");
    if (!trace && trace.error().code == Errc::kStopped) {
      return unavailable_response(
          fmt::format("the trace took longer than {} s: say a shorter time with from and to, or "
                      "read the archive with `tocsin trace --archive`",
                      kTraceTimeMost.count()));
    }
    if (!trace) return problem_of_error(trace.error());
    const Result<void> silences =
        note_silenced(source_.effects.reader(), source_.silences(), *trace);
    if (!silences) notes.texts.push_back(silences_missing_text(silences.error()));
    trace->missing = std::move(notes.texts);
    return json_text_response(200, trace_json(tracer, *trace));
  }

  const std::shared_ptr<const TraceSource> of_;
  const TraceSource& source_;
  const std::shared_ptr<TraceSlots> slots_;
};
}  // namespace

namespace {
constexpr std::string_view kSchemas = R"({
  "TracedNote": {
    "rule": "text",
    "what": "one of taken, refused, ended, expired, collected, alert, no_alert",
    "text": "text",
    "step?": "whole",
    "steps?": "whole",
    "done?": "whole",
    "needed?": "whole",
    "alert?": "text; its id",
    "status?": "text",
    "silenced?": {
      "silence": "text",
      "until?": "time",
      "created_by?": "text",
      "reason?": "text"
    },
    "reason?": "one of where, having, except, once, budget",
    "events": [{"as": "text", "type": "text", "id": "text", "time": "time"}],
    "events_more": "whole",
    "conditions": [{
      "condition": "text",
      "result": "boolean or null; null: a value is missing",
      "values": "map of any"
    }]
  },
  "KeyTrace": {
    "key": "map of any",
    "rules": "list of text",
    "not_traced": [{"rule": "text", "reason": "text"}],
    "events": "whole",
    "alerts": "whole",
    "older": "whole; entries that were left out",
    "entries": [{
      "time": "time",
      "event": "TracedEvent or null; null at a deadline",
      "notes": "list of TracedNote"
    }],
    "late": [{
      "type": "text",
      "id": "text",
      "time": "time",
      "late_by": "text",
      "input": "text",
      "line": "whole"
    }],
    "late_more": "whole",
    "missing": "list of text; what could not be read",
    "at": "time or null",
    "state": "list of KeyReport"
  },
  "TracedEvent": {"type": "text", "id": "text", "time": "time", "fields": "map of any"},
  "KeyHistory": {
    "features": "list of text; of this key",
    "rules": "list of text; by this key, those that keep partial matches",
    "points": [{
      "time": "time; by which events are ordered",
      "event": {"type": "text", "id": "text", "time": "time"},
      "values": "list of any; of the features, directly after the event; null: missing",
      "matches": "list of whole; partial matches of the rules"
    }],
    "older": "whole; points before them, which were left out",
    "points_max": "whole; points that were kept at most",
    "replayed": "whole; events that were replayed, of other keys too where they make a difference",
    "complete": "boolean; false: a limit ended the replay before the events did",
    "ended_at": "time or null; where, if it is not complete",
    "missing": "list of text; what could not be read"
  }
})";
}  // namespace

void add_trace_route(Router& router, TraceSource source) {
  using Type = RouteParameter::Type;
  router.add_schemas(kSchemas);
  const auto shared = std::make_shared<const TraceSource>(std::move(source));
  const auto slots = std::make_shared<TraceSlots>();
  add_explanation_route(router, shared, slots);
  add_alert_test_route(router, shared, slots);
  add_key_events_route(router, shared, slots);
  add_near_keys_route(router, shared);
  add_step_matches_route(router, shared);
  const auto tracing = std::make_shared<Tracing>(shared, slots);
  router.add(
      {.method = "GET",
       .path = "/v1/trace",
       .operation_id = "traceKey",
       .tag = "operations",
       .summary = "Why rules did not alert for a key: each event, each step, each condition",
       .description = "Reads the server's archive and journal. One trace runs at a time, for at "
                      "most 30 seconds.",
       .role = Role::kReader,
       .query_parameters =
           {{.name = "key",
             .description = "NAME=VALUE, such as card=c1; several parts are separated by commas; "
                            "left out for rules without a key",
             .pattern = "^[A-Za-z0-9_.]+="},
            {.name = "rule",
             .description = "The name or id of a rule; default: all that are by the key"},
            {.name = "at",
             .type = Type::kTime,
             .description = "Nothing later is taken, and the state is that of this time"},
            {.name = "from",
             .type = Type::kTimeOrDay,
             .description = "Only events of this time, or day, and later"},
            {.name = "to",
             .type = Type::kTimeOrDay,
             .description = "Only events before this time, or day"},
            {.name = "limit",
             .type = Type::kInteger,
             .description = "Events and deadlines, the newest; default 200",
             .least = 1,
             .most = kEntriesMost}},
       .answers = {{200, "The trace", "application/json", "KeyTrace"}},
       .handler =
           at_lower_priority([tracing](ApiRequest& request) { return tracing->trace(request); })});
  router.add(
      {.method = "GET",
       .path = "/v1/keys/{key}/history",
       .operation_id = "getKeyHistory",
       .tag = "operations",
       .summary = "The features of one key, and its partial matches, at each of its events",
       .description = "Replays the key's events from the server's archive and journal by the rules "
                      "that run now. One such replay, or one trace, runs at a time. After "
                      "`history.events_max` events, or 30 seconds, it ends, and `ended_at` says "
                      "where; `history.values_max` bounds how many values are kept.",
       .role = Role::kReader,
       .path_parameters = {{.name = "key",
                            .description = "NAME=VALUE, such as card=c1; several parts are "
                                           "separated by commas",
                            .pattern = "^[A-Za-z0-9_.]+="}},
       .query_parameters =
           {{.name = "from",
             .type = Type::kTimeOrDay,
             .description = "Only events of this time, or day, and later are points; earlier ones "
                            "are replayed"},
            {.name = "to",
             .type = Type::kTimeOrDay,
             .description = "Only events before this time, or day, are replayed"},
            {.name = "since",
             .type = Type::kTimeOrDay,
             .description = "Only events of this time, or day, and later are replayed: what was "
                            "before is not in the values; default: all"},
            {.name = "limit",
             .type = Type::kInteger,
             .description = "Points, the newest; default 500",
             .least = 1,
             .most = kPointsMost}},
       .answers = {{200, "The values", "application/json", "KeyHistory"}},
       .handler = at_lower_priority(
           [tracing](ApiRequest& request) { return tracing->history(request); })});
}
}  // namespace tocsin::api
