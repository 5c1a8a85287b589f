#include "api/trace/trace_routes.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/node/node_report.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/trace/archived_keys.h"
#include "api/trace/key_trace.h"
#include "api/trace/silenced_alerts.h"
#include "api/trace/trace_json.h"
#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::int64_t kEntriesUsual = 200;
constexpr std::int64_t kEntriesMost = 10'000;
// Each takes a processor and reads the disk.
constexpr int kTracesAtOnce = 1;
constexpr std::chrono::seconds kTimeMost{30};

// Threading: any.
class Tracing {
 public:
  explicit Tracing(TraceSource source) : source_(std::move(source)) {}

  HttpResponse trace(ApiRequest& request) {
    if (source_.refused_unmasked) {
      if (auto refused = source_.refused_unmasked(request)) return *std::move(refused);
    }
    const Place place(running_);
    if (!place.is_free) {
      return unavailable_response("another trace is running: ask again when it has ended");
    }
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

 private:
  struct Place {
    explicit Place(std::atomic<int>& of) : running(of), is_free(++running <= kTracesAtOnce) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --running; }
    std::atomic<int>& running;
    const bool is_free;
  };

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

  HttpResponse run(KeyTracer& tracer, const ArchivedKeys& archive) {
    ArchiveNotes notes;
    runtime::RunOptions options = source_.options;
    const auto began = steady_clock::now();
    const auto is_too_long = [&] { return steady_clock::now() - began > kTimeMost; };
    options.stop_requested = [&] { return source_.is_closing || is_too_long(); };
    Result<KeyTrace> trace = trace_archive(tracer, archive, "the archive", options, {}, notes);
    if (!trace && source_.is_closing) return unavailable_response("the server stops");
    if (!trace && trace.error().code == Errc::kStopped) {
      return unavailable_response(
          fmt::format("the trace took longer than {} s: say a shorter time with from and to, or "
                      "read the archive with `tocsin trace --archive`",
                      kTimeMost.count()));
    }
    if (!trace) return problem_of_error(trace.error());
    const Result<void> silences =
        note_silenced(source_.effects.reader(), source_.silences(), *trace);
    if (!silences) notes.texts.push_back(silences_missing_text(silences.error()));
    trace->missing = std::move(notes.texts);
    return json_text_response(200, trace_json(tracer, *trace));
  }

  const TraceSource source_;
  std::atomic<int> running_{0};
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
  "TracedEvent": {"type": "text", "id": "text", "time": "time", "fields": "map of any"}
})";
}  // namespace

void add_trace_route(Router& router, TraceSource source) {
  using Type = RouteParameter::Type;
  router.add_schemas(kSchemas);
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
            {.name = "from", .description = "Only events of this time, or day, and later"},
            {.name = "to", .description = "Only events before this time, or day"},
            {.name = "limit",
             .type = Type::kInteger,
             .description = "Events and deadlines, the newest; default 200",
             .least = 1,
             .most = kEntriesMost}},
       .answers = {{200, "The trace", "application/json", "KeyTrace"}},
       .handler = [tracing = std::make_shared<Tracing>(std::move(source))](ApiRequest& request) {
         return tracing->trace(request);
       }});
}
}  // namespace tocsin::api
