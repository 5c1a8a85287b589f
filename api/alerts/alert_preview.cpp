#include "api/alerts/alert_preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/alerts/alert_filter_json.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr cep::Duration kWithinDefault{7LL * cep::kDayUs};
constexpr cep::Duration kWithinMax{366LL * cep::kDayUs};
}  // namespace

Result<AlertPreview> preview_alerts(const runtime::EffectReader& reader, const AlertFilter& filter,
                                    cep::EventTime since, std::size_t rows_max,
                                    std::size_t samples_max) {
  AlertPreview preview;
  preview.from = since;
  cep::EventTime oldest{INT64_MAX};
  const Result<void> read =
      reader.alerts_before(UINT64_MAX, [&](const runtime::StoredAlert& alert) {
        if (alert.stored_at < since) return false;
        if (preview.examined == rows_max) {
          preview.is_complete = false;
          preview.from = oldest;
          return false;
        }
        ++preview.examined;
        oldest = std::min(oldest, alert.stored_at);
        if (!alert.is_live || !filter.admits(alert)) return true;
        ++preview.matched;
        if (preview.samples.size() < samples_max) preview.samples.push_back(alert);
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  return preview;
}

tl::expected<PreviewRequest, HttpResponse> read_preview(const ordered_json& body) {
  PreviewRequest request{{}, kWithinDefault};
  if (body.contains("filter")) {
    const Result<void> read = read_alert_filter(body.at("filter"), kFilterListMax, request.filter);
    if (!read) return tl::unexpected(problem_of_error(read.error()));
  }
  if (body.contains("within")) {
    const ordered_json& text = body.at("within");
    const std::optional<cep::Duration> within =
        text.is_string() ? cep::parse_duration(text.get<std::string>()) : std::nullopt;
    if (!within || *within <= cep::Duration{0} || *within > kWithinMax) {
      return tl::unexpected(problem_response(
          ProblemKind::kBadBody, "within is a duration of at most 366d, such as 7d or 12h"));
    }
    request.within = *within;
  }
  return request;
}
}  // namespace tocsin::api
