#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/alerts/alert_line.h"
#include "api/base/arrival_text.h"
#include "api/node/side_output.h"
#include "api/pages/page_cursor.h"
#include "api/privacy/privacy.h"
#include "api/rest/json_body.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::SideOutputKind;
constexpr std::int64_t kLimit = 100;
constexpr std::int64_t kLimitMax = 1000;
// Of one answer, save that one row is always told.
constexpr std::size_t kAnswerBytesMax = std::size_t{8} << 20;

// Which fields a line has is not known: all of it is masked.
std::string shown_row(const ServerContext& context, bool is_masked,
                      const runtime::SideOutputRow& row, std::uint32_t current) {
  if (!is_masked) return format_side_output_row(row, current);
  runtime::SideOutputRow masked = row;
  masked.text = json_characters(context.privacy->mark(
      ordered_json(row.text).dump(-1, ' ', false, ordered_json::error_handler_t::replace)));
  return format_side_output_row(masked, current);
}

HttpResponse list(ServerContext& context, ApiRequest& request, SideOutputKind kind) {
  std::optional<runtime::EffectReader::SideOutputPlace> after;
  if (const auto cursor = request.text("cursor")) {
    after = read_side_output_cursor(*cursor);
    if (!after) {
      return problem_response(ProblemKind::kBadParameter,
                              fmt::format("cursor must be the `next` of a page, not {}", *cursor),
                              {{"parameter", "cursor"}});
    }
  }
  const auto limit = static_cast<std::size_t>(request.integer("limit").value_or(kLimit));
  const bool is_masked = context.privacy != nullptr && context.privacy->masks(request.grant);
  if (context.privacy != nullptr) context.privacy->note_read(request);
  const bool is_behind = !context.node.await_stored(kStoredPatience);
  const runtime::EffectReader reader = context.effects.reader();
  const auto timelines = reader.timelines();
  if (!timelines) return problem_of_error(timelines.error());
  const std::uint32_t current = timelines->empty() ? 0 : timelines->back().ordinal;
  std::string text = R"({"items":[)";
  std::string next;
  std::string last;
  std::size_t count = 0;
  const Result<void> read = reader.side_output(
      kind,
      [&](const runtime::SideOutputRow& row) {
        if (count == limit || (count > 0 && text.size() > kAnswerBytesMax)) {
          next = last;
          return false;
        }
        if (count++ > 0) text += ',';
        text += shown_row(context, is_masked, row, current);
        last = side_output_cursor({row.timeline, row.arrival});
        return true;
      },
      after);
  if (!read) return problem_of_error(read.error());
  text += ']';
  if (!next.empty()) text += fmt::format(R"(,"next":"{}")", next);
  text += "}\n";
  return maybe_behind({200, {}, "application/json", text}, is_behind);
}

std::optional<cep::ArrivalNumber> arrival_of(const ordered_json& value) {
  return value.is_string() ? read_arrival(value.get_ref<const std::string&>()) : std::nullopt;
}

// Lines are corrected, late events are not: what is wrong with them is their moment.
tl::expected<std::vector<runtime::WantedRow>, HttpResponse> read_wanted(ApiRequest& request,
                                                                        SideOutputKind kind) {
  const bool is_dead = kind == SideOutputKind::kDead;
  const auto body = is_dead ? read_json_object(request, {"arrivals", "corrected"})
                            : read_json_object(request, {"arrivals"});
  if (!body) return tl::unexpected(body.error());
  const auto wrong = [&] {
    std::string text = R"(the body is {"arrivals": ["812:4", …]}, with the "arrival" of each, )";
    if (is_dead) text += R"({"corrected": [{"arrival": "812:4", "text": "…"}, …]}, or both, )";
    return tl::unexpected(problem_response(ProblemKind::kBadBody, text + "or {} for all"));
  };
  std::vector<runtime::WantedRow> wanted;
  for (const auto& [name, list] : body->items()) {
    if (!list.is_array() || list.empty()) return wrong();
    for (const ordered_json& one : list) {
      const bool is_corrected = name == "corrected";
      if (is_corrected && (!one.is_object() || one.size() != 2 || !one.contains("text") ||
                           !one["text"].is_string() || !one.contains("arrival"))) {
        return wrong();
      }
      const auto arrival = arrival_of(is_corrected ? one["arrival"] : one);
      if (!arrival) return wrong();
      wanted.push_back({*arrival, {}});
      if (is_corrected) wanted.back().text = one["text"].get<std::string>();
    }
  }
  return wanted;
}

HttpResponse reinject(ServerContext& context, ApiRequest& request, SideOutputKind kind) {
  const auto wanted = read_wanted(request, kind);
  if (!wanted) return wanted.error();
  Result<runtime::AppendedReinjection> done;
  Result<void> room;
  std::uint64_t next_record = 0;
  std::uint64_t pushed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t late = 0;
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        room = node.check_room();
        const std::uint64_t dead_before = node.summary().dead_letters;
        const std::uint64_t late_before = node.summary().late;
        if (room) done = node.reinject(kind, *wanted);
        rejected = node.summary().dead_letters - dead_before;
        late = node.summary().late - late_before;
        next_record = node.next_sequence();
        pushed = node.effects().pushed;
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (!room) return refusal_response({Refusal::Why::kMemory, room.error().message});
  if (!done) return problem_of_error(done.error());
  if (const auto durable = context.node.wait_durable(next_record - 1, kDiskPatience); !durable) {
    return refusal_response(durable.error());
  }
  context.node.note_answered(pushed);
  request.notes["reinjected"] = std::to_string(done->rows);
  ordered_json answer = {{"reinjected", done->rows}, {"reinjected_before", done->done}};
  if (done->corrected != 0) {
    request.notes["corrected"] = std::to_string(done->corrected);
    answer["corrected"] = done->corrected;
  }
  if (rejected != 0) answer["rejected"] = rejected;
  if (late != 0) answer["late"] = late;
  return json_response(200, answer);
}

void add(Router& router, ServerContext& context, SideOutputKind kind, const std::string& path,
         const std::string& operation, const std::string& what, const std::string& again) {
  router.add(
      {.method = "GET",
       .path = path,
       .operation_id = "list" + operation,
       .tag = "operations",
       .summary = what + ", in the order in which they came",
       .role = Role::kReader,
       .query_parameters = {{.name = "cursor",
                             .type = RouteParameter::Type::kText,
                             .description = "`next` of the page before",
                             .pattern = "^[0-9]{1,9}:[0-9]{1,19}:[0-9]{1,9}$"},
                            {.name = "limit",
                             .type = RouteParameter::Type::kInteger,
                             .description = "Maximum number; default 100",
                             .least = 1,
                             .most = kLimitMax}},
       .answers = {{200, "The stored ones", "application/json", operation + "Page"}},
       .answer_headers = {"Tocsin-Behind"},
       .handler = [&context, kind](ApiRequest& request) { return list(context, request, kind); }});
  router.add({.method = "POST",
              .path = path + "/reinject",
              .operation_id = "reinject" + operation,
              .tag = "operations",
              .summary = again,
              .description = "Each can be put in again only once.",
              .role = Role::kOperator,
              .body = RouteBody{{"application/json"}, operation + "Reinjection", false},
              .answers = {{200, "How many", "application/json", "Reinjected"}},
              .problems = {413, 415},
              .handler = [&context, kind](ApiRequest& request) {
                return reinject(context, request, kind);
              }});
}
constexpr std::string_view kSchemas = R"({
  "LatePage": {
    "items": [{
      "arrival": "text",
      "timeline?": "whole; where it is not the one that holds",
      "input": "text",
      "line?": "whole; of what is no topic",
      "offset?": "whole; of a topic's message",
      "late_us": "whole",
      "text": "text; what is no UTF-8 is replaced",
      "base64?": "text; the line's bytes, where something was replaced",
      "reinjected_as?": "whole"
    }],
    "next?": "text; the `cursor` of the next page"
  },
  "DeadPage": {
    "items": [{
      "arrival": "text",
      "timeline?": "whole; where it is not the one that holds",
      "input": "text",
      "line?": "whole; of what is no topic",
      "offset?": "whole; of a topic's message",
      "reason": "text",
      "text": "text; what is no UTF-8 is replaced",
      "base64?": "text; the line's bytes, where something was replaced",
      "reinjected_as?": "whole"
    }],
    "next?": "text; the `cursor` of the next page"
  },
  "LateReinjection": {"body": true, "arrivals?": {"$schema": {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "pattern": "^[0-9]{1,19}:[0-9]{1,9}$"},
    "description": "The `arrival` of each; none: all"
  }}},
  "DeadReinjection": {"body": true, "arrivals?": {"$schema": {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "pattern": "^[0-9]{1,19}:[0-9]{1,9}$"},
    "description": "The `arrival` of each that is taken as it is; with no member: all"
  }}, "corrected?": {"$schema": {
    "type": "array",
    "minItems": 1,
    "items": {
      "type": "object",
      "additionalProperties": false,
      "required": ["arrival", "text"],
      "properties": {
        "arrival": {"type": "string", "pattern": "^[0-9]{1,19}:[0-9]{1,9}$"},
        "text": {"type": "string", "description": "One line, which is taken instead"}
      }
    },
    "description": "Those that are taken with another text"
  }}},
  "Reinjected": {
    "reinjected": "whole",
    "reinjected_before": "whole",
    "corrected?": "whole; of `reinjected`, those that were taken with another text",
    "rejected?": "whole; of `reinjected`, those that are dead letters again, each with its reason",
    "late?": "whole; of `reinjected`, those that are late events now"
  }
})";
}  // namespace

void add_side_output_routes(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  add(router, context, SideOutputKind::kLate, "/v1/late", "Late", "Late events",
      "Put late events in again, at the time already reached: all, or those named");
  add(router, context, SideOutputKind::kDead, "/v1/dead", "Dead", "Dead letters: rejected lines",
      "Parse rejected lines again, after the cause was fixed: all, or those named");
}
}  // namespace tocsin::api
