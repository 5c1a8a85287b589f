#include "api/trace/asked_alert.h"

#include <fmt/format.h>

#include <utility>

#include "api/alerts/alert_query.h"
#include "api/privacy/privacy.h"
#include "api/rest/audit_trail.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
tl::expected<AskedAlert, HttpResponse> asked_alert(ApiRequest& request, const TraceSource& source) {
  const std::string id(*request.text("id"));
  auto stored = first_alert_of(source.effects.reader(), id);
  if (!stored) return tl::unexpected(problem_of_error(stored.error()));
  if (!*stored) {
    return tl::unexpected(problem_response(ProblemKind::kNotFound,
                                           fmt::format("there is no alert with the id {}", id)));
  }
  AskedAlert alert;
  alert.stored = **std::move(stored);
  alert.match = match_of(alert.stored.line);
  alert.shown = alert.stored.line;
  if (const std::string key = key_text(alert.match); !key.empty()) {
    request.notes[kKeyReadNote] = key;
  }
  if (source.privacy == nullptr) return alert;
  source.privacy->note_read(request);
  alert.is_masked = source.privacy->masks(request.grant);
  if (!alert.is_masked) return alert;
  alert.shown = source.privacy->masked(alert.stored);
  alert.is_masked_whole = alert.shown != source.privacy->masked_line(alert.stored.line);
  return alert;
}
}  // namespace tocsin::api
