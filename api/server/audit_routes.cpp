#include <fmt/format.h>

#include <string>

#include "api/pages/page_cursor.h"
#include "api/rest/check_slots.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kLimit = 100;
constexpr std::int64_t kLimitMax = 1000;
constexpr std::int64_t kExportLimit = 1000;
constexpr std::int64_t kExportLimitMax = 10'000;

// Others see their own deeds alone.
bool sees_all(const TokenGrant& grant) {
  return may(grant.role, Role::kOperator) && grant.scope.is_whole();
}

HttpResponse list_entries(const AuditLog& log, const ApiRequest& request) {
  AuditFilter filter;
  if (const auto from = request.text("from")) filter.from = cep::parse_time(*from);
  if (const auto to = request.text("to")) filter.to = cep::parse_time(*to);
  for (const auto& [name, place] :
       {std::pair{"actor", &filter.actor}, std::pair{"action", &filter.action},
        std::pair{"result", &filter.result}}) {
    if (const auto text = request.text(name)) *place = *text;
  }
  const bool is_own = !sees_all(request.grant);
  if (is_own) {
    if (filter.actor && *filter.actor != request.grant.name) {
      return problem_response(
          ProblemKind::kForbidden,
          fmt::format("entries of others are for operators without limits; {} is shown its own",
                      request.grant.name));
    }
    filter.actor = request.grant.name;
  }
  std::uint64_t before = 0;
  if (const auto cursor = request.text("cursor")) {
    const auto number = read_number_cursor(*cursor);
    if (!number) {
      return problem_response(ProblemKind::kBadParameter,
                              "cursor takes the `next` of the page before");
    }
    before = *number;
  }
  const auto page =
      log.page(filter, before, static_cast<std::size_t>(request.integer("limit").value_or(kLimit)));
  if (!page) return problem_of_error(page.error());
  std::string text = is_own ? R"({"own":true,"entries":[)" : R"({"entries":[)";
  for (const std::string& line : page->lines) {
    if (text.back() != '[') text += ',';
    text += line;
  }
  text += ']';
  if (page->next != 0) text += R"(,"next":")" + number_cursor(page->next) + '"';
  return json_text_response(200, text + "}");
}

HttpResponse export_entries(const AuditLog& log, const ApiRequest& request) {
  const auto after = static_cast<std::uint64_t>(request.integer("after").value_or(0));
  const auto most = static_cast<std::size_t>(request.integer("limit").value_or(kExportLimit));
  const auto tail = log.tail(after, most);
  if (!tail) return problem_of_error(tail.error());
  std::string text;
  for (const std::string& line : tail->lines) {
    text += line;
    text += '\n';
  }
  return {200, {{"Tocsin-Last-Entry", std::to_string(tail->last)}}, "application/x-ndjson", text};
}
constexpr std::string_view kSchemas = R"({
  "AuditEntry": {
    "...": true,
    "format": "whole",
    "sequence": "whole",
    "at": "time",
    "actor": "text",
    "role": "text",
    "from": "text; the client's address",
    "action": "text; the id of an operation",
    "method": "text",
    "path": "text",
    "resource?": "map of text; what the change is of: the parts of the path by their names",
    "request_id?": "text",
    "result": "one of done, refused, failed, unknown",
    "status?": "whole"
  },
  "AuditPage": {
    "own?": "boolean; true: only entries of who asks are shown",
    "entries": "list of AuditEntry",
    "next?": "text; the cursor of the next page"
  }
})";
}  // namespace

void add_audit_routes(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  using Type = RouteParameter::Type;
  router.add({.method = "GET",
              .path = "/v1/audit",
              .operation_id = "listAuditEntries",
              .tag = "operations",
              .summary = "Who changed what, and who was refused, newest first",
              .description =
                  "Operators without limits see all entries, others those of what they did "
                  "themselves. A page may have fewer entries than `limit`, even none, and still "
                  "have a `next`.",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .query_parameters =
                  {{"from", Type::kTime, "Entries of this time and later"},
                   {"to", Type::kTime, "Entries before this time"},
                   {"actor", Type::kText, "Who did it: the name of a token or person"},
                   {"action", Type::kText, "The id of an operation: `putRule`"},
                   {"result", Type::kWord, "The outcome", {"done", "refused", "failed", "unknown"}},
                   {.name = "limit",
                    .type = Type::kInteger,
                    .description = "Maximum number of entries; default 100",
                    .least = 1,
                    .most = kLimitMax},
                   {.name = "cursor", .description = "`next` of the page before"}},
              .answers = {{200, "A page of entries", "application/json", "AuditPage"}},
              // A page may look at many entries before it finds some.
              .handler = context.reads->around([&context](ApiRequest& request) {
                return list_entries(context.audit, request);
              })});
  router.add({.method = "GET",
              .path = "/v1/audit/export",
              .operation_id = "exportAuditEntries",
              .tag = "operations",
              .summary = "Entries as they were written, oldest first",
              .description =
                  "Each line is an entry, byte for byte, so that its signature can be checked. The "
                  "header Tocsin-Last-Entry is the `after` of the next request.",
              .role = Role::kOperator,
              .query_parameters = {{.name = "after",
                                    .type = Type::kInteger,
                                    .description = "Entries with a greater sequence; default 0"},
                                   {.name = "limit",
                                    .type = Type::kInteger,
                                    .description = "Maximum number of entries; default 1000",
                                    .least = 1,
                                    .most = kExportLimitMax}},
              .answers = {{200, "The entries", "application/x-ndjson"}},
              .answer_headers = {"Tocsin-Last-Entry"},
              .handler = [&context](ApiRequest& request) {
                return export_entries(context.audit, request);
              }});
}
}  // namespace tocsin::api
