/// What a filter would have met: a look at alerts that are there before a subscription or a silence
/// is made of it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>
#include <vector>

#include "api/alerts/alert_query.h"
#include "api/rest/route.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
struct AlertPreview {
  std::uint64_t matched = 0;   // live alerts that the filter admits
  std::uint64_t examined = 0;  // alerts that were looked at, the newest first
  bool is_complete = true;     // false: there are older ones of that time
  cep::EventTime from;         // of the time by which the oldest that was looked at was stored
  std::vector<runtime::StoredAlert> samples;  // the newest that it admits
};
/// Looks at alerts that were stored from `since` on, at most `rows_max` of them. Errors: kCorrupt,
/// kIo.
Result<AlertPreview> preview_alerts(const runtime::EffectReader& reader, const AlertFilter& filter,
                                    cep::EventTime since, std::size_t rows_max,
                                    std::size_t samples_max);

/// What a body asks for: `filter`, of which the condition is still text, and `within`.
struct PreviewRequest {
  AlertFilter filter;
  cep::Duration within;
};
/// Or the answer to what is none.
tl::expected<PreviewRequest, HttpResponse> read_preview(const nlohmann::ordered_json& body);
}  // namespace tocsin::api
