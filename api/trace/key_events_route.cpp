#include "api/trace/archive_routes.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "api/node/node_report.h"
#include "api/pages/page_cursor.h"
#include "api/privacy/privacy.h"
#include "api/rest/check_slots.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/trace/archived_keys.h"
#include "api/trace/key_events.h"
#include "cep/plan/event_type.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::int64_t kEventsUsual = 100;
constexpr std::int64_t kEventsMost = 1000;

// Threading: any.
class EventReading {
 public:
  EventReading(std::shared_ptr<const TraceSource> source, std::shared_ptr<TraceSlots> slots)
      : source_(std::move(source)), slots_(std::move(slots)) {}

  HttpResponse list(ApiRequest& request) const {
    if (source_->privacy != nullptr) source_->privacy->note_read(request);
    const TraceSlots::Place place(*slots_);
    if (!place.is_free) return TraceSlots::busy();
    KeyEventsRequest asked;
    auto parts = key_parts(split_key(*request.text("key")));
    if (!parts) return problem_response(ProblemKind::kBadParameter, parts.error().message);
    asked.key = *std::move(parts);
    asked.limits = source_->history;
    asked.types = request.grant.scope.types;
    asked.events_max = static_cast<std::size_t>(request.integer("limit").value_or(kEventsUsual));
    asked.has_lines = request.text("lines") == "true";
    if (const auto cursor = request.text("cursor")) {
      asked.before = read_arrival_cursor(*cursor);
      if (!asked.before) {
        return bad_parameter_response("cursor", "it takes the `next` of the page before");
      }
    }
    const auto text = [&](const char* name) {
      return std::string(request.text(name).value_or(""));
    };
    const Outcome<ArchivedKeys> archive =
        ArchivedKeys::open(source_->files, source_->data, text("from"), text("to"));
    if (!archive) return problem_response(ProblemKind::kBadParameter, archive.error().message);
    const Served<cep::Program> program = source_->program();
    if (!program) return source_->refused(program.error());
    return list(request, *program, *archive, asked);
  }

 private:
  HttpResponse list(const ApiRequest& request, const cep::Program& program,
                    const ArchivedKeys& archive, const KeyEventsRequest& asked) const {
    const Privacy* const privacy = source_->privacy;
    FieldMask mask;
    if (privacy != nullptr && privacy->masks(request.grant)) {
      if (asked.has_lines) {
        return problem_response(ProblemKind::kForbidden,
                                "lines have values that are marked pii, which your role does not "
                                "see (privacy.roles)");
      }
      const auto fields = fields_of_key(program, asked.key);
      if (!fields) return problem_of_error(fields.error(), ProblemKind::kBadParameter);
      // A value that finds events would tell whose mark it is that they show.
      if (privacy->is_personal(*fields)) {
        return problem_response(ProblemKind::kForbidden,
                                "the key is of a field that is marked pii, which your role does "
                                "not see (privacy.roles)");
      }
      mask = [privacy](const cep::EventType& type, const std::string& field,
                       std::string_view json) -> std::optional<std::string> {
        if (!privacy->is_personal({fmt::format("{}.{}", type.name, field)})) return std::nullopt;
        return privacy->mark(json);
      };
    }
    const auto stop_requested = [&is_closing = source_->is_closing,
                                 ends = steady_clock::now() + kTraceTimeMost] {
      return is_closing || steady_clock::now() > ends;
    };
    ArchiveNotes notes;
    const Result<KeyEvents> found = key_events(program, archive, asked, stop_requested, notes);
    if (source_->is_closing) return unavailable_response("the server stops");
    if (!found) return problem_of_error(found.error(), ProblemKind::kBadParameter);
    const bool is_more = found->older > 0;
    return json_text_response(
        200, key_events_json(program, *found, notes.texts, mask,
                             is_more ? arrival_cursor(found->events.front().arrival) : ""));
  }

  const std::shared_ptr<const TraceSource> source_;
  const std::shared_ptr<TraceSlots> slots_;
};

constexpr std::string_view kSchemas = R"({
  "KeyEvents": {
    "events": [{
      "arrival": "text; its number in the journal, RECORD:PLACE",
      "source": "text; input and partition that it came by",
      "taken_at": "time; by the server's clock",
      "type": "text",
      "id": "any; null where the type declares none",
      "time": "time; its event time",
      "fields": "map of any; those declared that it has; decimals with all their digits",
      "line?": "text; as it arrived, with `lines`"
    }],
    "examined": "whole; events of the key that were read",
    "complete": "boolean; false: a limit ended the reading before the newest event",
    "ended_at": "time or null; of the last event that was read, if it is not complete",
    "missing": "list of text; what could not be read",
    "next?": "text; the `cursor` of the next page, of older events"
  }
})";
}  // namespace

void add_key_events_route(Router& router, std::shared_ptr<const TraceSource> source,
                          std::shared_ptr<TraceSlots> slots) {
  using Type = RouteParameter::Type;
  router.add_schemas(kSchemas);
  const auto reading = std::make_shared<const EventReading>(std::move(source), std::move(slots));
  router.add(
      {.method = "GET",
       .path = "/v1/keys/{key}/events",
       .operation_id = "listKeyEvents",
       .tag = "operations",
       .summary = "The events of one key, from the archive, the newest arrival first",
       .description = "Every arrival is listed, also one that was late or a duplicate. Events that "
                      "come in meanwhile shift no page. One such reading, one replay or one trace "
                      "runs at a time. After `history.events_max` events, or 30 seconds, it ends, "
                      "and `ended_at` says where; `history.values_max` bounds how many values a "
                      "page has, and 8 MiB the lines of its events.",
       .role = Role::kReader,
       .scoped_by = {.types = true},
       .path_parameters = {{.name = "key",
                            .description = "NAME=VALUE, such as card=c1; several parts are "
                                           "separated by commas",
                            .pattern = "^[A-Za-z0-9_.]+="}},
       .query_parameters = {{.name = "from",
                             .type = Type::kTimeOrDay,
                             .description = "Only events of this time, or day, and later"},
                            {.name = "to",
                             .type = Type::kTimeOrDay,
                             .description = "Only events before this time, or day"},
                            {.name = "limit",
                             .type = Type::kInteger,
                             .description = "Events of a page; default 100",
                             .least = 1,
                             .most = kEventsMost},
                            {.name = "lines",
                             .type = Type::kBoolean,
                             .description = "Each event with its line as it arrived; not for who "
                                            "sees marks"},
                            {.name = "cursor",
                             .description = "The `next` of the page before",
                             .pattern = "^[0-9]+:[0-9]+$"}},
       .answers = {{200, "The events", "application/json", "KeyEvents"}},
       .handler =
           at_lower_priority([reading](ApiRequest& request) { return reading->list(request); })});
}
}  // namespace tocsin::api
