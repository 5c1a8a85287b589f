/// Alerts that requests name by their ids.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "api/alerts/alert_query.h"
#include "api/rest/route.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Finds those that who asks is shown: one out of their scope is not there. Threading: any.
class AskedAlerts {
 public:
  /// `await_stored` waits until all is stored that was answered before; false where that takes too
  /// long.
  AskedAlerts(AlertQuery query, std::function<bool()> await_stored)
      : query_(query), await_stored_(std::move(await_stored)) {}
  /// The alert of the parameter `id` of the path, or the answer that there is none.
  tl::expected<AlertHit, HttpResponse> one(const ApiRequest& request) const;
  /// The alerts of `ids`, without their lines; nothing in the place of one that is not there.
  /// Errors: kCorrupt, kIo.
  Result<std::vector<std::optional<runtime::StoredAlert>>> several(
      const ApiRequest& request, const std::vector<std::string>& ids) const;

 private:
  Result<std::optional<AlertHit>> find(const ApiRequest& request, const std::string& id) const;
  AlertQuery query_;
  std::function<bool()> await_stored_;
};
}  // namespace tocsin::api
