#include "api/rest/audit_trail.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/rest/problem.h"
#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
AuditDeed deed_of(const Route* route, const ApiRequest& request) {
  AuditDeed deed;
  deed.actor = request.grant.name;
  if (!deed.actor.empty()) deed.role = role_name(request.grant.role);
  deed.from = request.http.remote();
  deed.method = request.http.head().method;
  deed.request_id = request.request_id;
  if (route == nullptr) return deed;
  deed.action = route->operation_id;
  deed.path = route->path;
  deed.resource = request.path;
  return deed;
}
bool changes_something(const Route& route) {
  return route.effect == RouteEffect::kByMethod && route.method != "GET";
}
// The key of events or alerts that a request reads by: what is known of one card, or person.
std::optional<std::string> key_that_is_read(const ApiRequest& request) {
  constexpr std::string_view kKey = "key";
  for (const auto* const values : {&request.path, &request.query}) {
    if (const auto found = values->find(kKey); found != values->end()) return found->second;
  }
  if (const auto noted = request.notes.find(kKeyReadNote); noted != request.notes.end())
    return noted->second;
  return std::nullopt;
}
void note_read(AuditLog& log, const Route& route, const ApiRequest& request, int status,
               const std::optional<std::string>& key) {
  AuditDeed deed = deed_of(&route, request);
  deed.resource.erase("key");  // it is of people
  AuditOutcome outcome{status, request.notes};
  outcome.notes.erase(kKeyReadNote);  // likewise
  if (key) {
    outcome.notes["read_by"] = R"("key")";
    if (const std::string mark = log.mark_of(*key); !mark.empty())
      outcome.notes["key_mark"] = nlohmann::json(mark).dump();
  }
  static_cast<void>(log.note_read(deed, outcome));
}
}  // namespace

HttpResponse answer_audited(AuditLog& log, RefusalTally* refusals, const Route& route,
                            ApiRequest& request, const RouteHandler& act) {
  if (!changes_something(route)) {
    HttpResponse response = act(request);
    when_answered(response, [&log, refusals, &route, &request](const HttpResponse& answer) {
      // The token has the role, and is not the one whose it is.
      if (answer.status == problem_type(ProblemKind::kForbidden).status) {
        if (refusals != nullptr) note_refusal(*refusals, &route, request, answer.status);
      } else if (const auto key = key_that_is_read(request); key || request.notes.contains("pii")) {
        note_read(log, route, request, answer.status, key);
      }
    });
    return response;
  }
  const AuditDeed deed = deed_of(&route, request);
  const Result<std::uint64_t> ticket = log.begin(deed);
  if (!ticket) return problem_of_error(ticket.error());
  HttpResponse answer;
  try {
    answer = act(request);
  } catch (...) {
    // Where the log fails too, the next start writes down that nobody knows.
    static_cast<void>(log.finish(*ticket, deed, {500, {}}));
    throw;
  }
  TOCSIN_ASSERT(!answer.later, "what changes something is answered when it is done");
  AuditOutcome outcome{answer.status, request.notes};
  for (const auto& [header, note] :
       {std::pair{"Location", "location"}, std::pair{"ETag", "etag"}}) {
    const auto found = std::ranges::find(answer.headers, header, &HttpHeader::name);
    if (found == answer.headers.end()) continue;
    outcome.notes[note] = nlohmann::json(found->value).dump();
  }
  static_cast<void>(log.finish(*ticket, deed, outcome));  // likewise
  return answer;
}

void note_refusal(RefusalTally& refusals, const Route* route, const ApiRequest& request,
                  int status) {
  refusals.note(deed_of(route, request), status);
}
}  // namespace tocsin::api
