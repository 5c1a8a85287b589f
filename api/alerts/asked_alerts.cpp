#include "api/alerts/asked_alerts.h"

#include <fmt/format.h>

#include <utility>

#include "api/alerts/alert_scope.h"
#include "api/rest/problem.h"

namespace tocsin::api {
Result<std::optional<AlertHit>> AskedAlerts::find(const ApiRequest& request,
                                                  const std::string& id) const {
  Result<std::optional<AlertHit>> hit = query_.find(id);
  if (hit && *hit && !is_alert_in(request.grant.scope, (*hit)->alert.line)) hit->reset();
  return hit;
}

tl::expected<AlertHit, HttpResponse> AskedAlerts::one(const ApiRequest& request) const {
  const std::string id(*request.text("id"));
  Result<std::optional<AlertHit>> hit = find(request, id);
  if (hit && !*hit && await_stored_()) hit = find(request, id);  // it may have been on its way
  if (!hit) return tl::unexpected(problem_of_error(hit.error()));
  if (*hit) return std::move(**hit);
  return tl::unexpected(problem_response(ProblemKind::kNotFound,
                                         fmt::format("there is no alert with the id {}", id)));
}

Result<std::vector<std::optional<runtime::StoredAlert>>> AskedAlerts::several(
    const ApiRequest& request, const std::vector<std::string>& ids) const {
  std::vector<std::optional<runtime::StoredAlert>> found(ids.size());
  bool has_waited = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Result<std::optional<AlertHit>> hit = find(request, ids[i]);
    if (hit && !*hit && !has_waited) {
      has_waited = true;
      if (await_stored_()) hit = find(request, ids[i]);
    }
    if (!hit) return tl::unexpected(hit.error());
    if (!*hit) continue;
    found[i] = std::move((*hit)->alert);
    found[i]->line.clear();
  }
  return found;
}
}  // namespace tocsin::api
