#include "api/jobs/triage_labels.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// The line of an alert with a label.
std::string line_of(const runtime::StoredAlert& alert, bool is_fraud) {
  const ordered_json stored = ordered_json::parse(alert.line);
  ordered_json label = {{"events", ordered_json::array()}};
  for (const ordered_json& event : stored.at("events")) {
    if (event.contains("id")) label["events"].push_back(event.at("id"));
  }
  if (label["events"].empty()) {  // of no event: by key and time
    label = {{"key", stored.at("key")}, {"first_ts", alert.ts.us}, {"last_ts", alert.ts.us}};
  }
  label["label"] = is_fraud ? "fraud" : "ok";
  label["scenario"] = alert.rule;
  return label.dump() + "\n";
}
}  // namespace

Result<std::string> triage_labels(const runtime::EffectReader& alerts, const TriageStore& triage,
                                  const std::optional<runtime::TimeSpan>& times,
                                  std::size_t labels_max) {
  std::string lines;
  std::size_t count = 0;
  Result<void> done;
  const auto add = [&](std::uint64_t number) -> Result<void> {
    const Result<std::optional<runtime::StoredAlert>> alert = alerts.alert(number);
    if (!alert) return tl::unexpected(alert.error());
    if (!*alert || (times && !times->has((*alert)->ts))) return {};
    const Result<TriageRecord> record = triage.get((*alert)->id);
    if (!record) return tl::unexpected(record.error());
    if (!record->label) return {};
    if (++count > labels_max) {
      return fail(
          Errc::kLimit,
          fmt::format("more than {} alerts of this time were confirmed or dismissed: take a "
                      "shorter time",
                      labels_max));
    }
    lines += line_of(**alert, *record->label == TriageState::kConfirmed);
    return {};
  };
  for (const TriageState state :
       {TriageState::kConfirmed, TriageState::kDismissed, TriageState::kClosed}) {
    const Result<void> read = triage.numbers(state, 1, false, [&](std::uint64_t number) {
      done = add(number);
      return done.has_value();
    });
    if (!read) return tl::unexpected(read.error());
    if (!done) return tl::unexpected(done.error());
  }
  return lines;
}
}  // namespace tocsin::api
