/// Changes of triage as bodies of requests have them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "api/alerts/triage_store.h"
#include "api/rest/route.h"

namespace tocsin::api {
/// How many alerts one request changes.
inline constexpr std::size_t kTriageAlertsMax = 1000;
/// The members `action`, `assignee` and `comment` of a body, for who asks; or the answer to what is
/// no change.
tl::expected<TriageChange, HttpResponse> read_triage_change(const ApiRequest& request,
                                                            const nlohmann::ordered_json& body);
/// "comment", or the name of its action.
std::string_view name_of(const TriageChange& change);

/// Alerts that one request changes, and the version that the triage of each must have; nothing:
/// any.
struct TriageList {
  std::vector<std::string> ids;
  std::vector<std::optional<std::uint64_t>> versions;
};
/// The member `alerts` of a body; or the answer to what is no list of 1 to kTriageAlertsMax
/// different alerts.
tl::expected<TriageList, HttpResponse> read_triage_list(const nlohmann::ordered_json& body);
}  // namespace tocsin::api
