/// A rule in shadow beside live rules: which of its alerts they raised too for the same key at
/// about the same time, and which only one side raised.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/alerts/triage_store.h"
#include "api/rest/access.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
struct ComparisonRequest {
  std::string rule = {};  // whose shadow alerts are compared
  /// A rule whose live alerts count alone; nothing: those of all rules but the rule itself.
  std::optional<std::string> against = {};
  /// The names of the rule's key: live alerts by other keys are left out. Nothing: not known, and
  /// the names are those of its newest alert.
  std::optional<std::vector<std::string>> key = {};
  /// Of the alerts' own times. Without `from` it begins `within` before the oldest shadow alert
  /// that was examined: what was live before the rule was watched is no difference.
  std::optional<cep::EventTime> from = {};
  std::optional<cep::EventTime> to = {};
  cep::Duration within{600'000'000};  // of each other
  TokenScope scope = {};              // of who asks: other alerts do not count
  std::size_t rows_max = 100'000;     // alerts that are examined, the newest first
  std::size_t alerts_max = 200'000;   // of them, those that are compared
  std::size_t labels_max = 20'000;    // closed alerts whose labels are looked up one by one
  std::size_t samples_max = 5;        // of a kind
  std::size_t rules_max = 20;         // live rules that are named
  std::size_t days_max = 92;          // the newest ones
};
struct ComparedAlerts {
  std::uint64_t alerts = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t dismissed = 0;
};
struct ComparedRule {
  std::string rule;
  std::uint64_t both = 0;  // shadow alerts that this rule's were nearest to
  std::uint64_t only = 0;  // of its live alerts, those that the shadow lacks
};
/// Shadow alerts beside which there is a live one, other shadow alerts, other live alerts.
struct ComparedDay {
  std::string day;  // 2026-03-02, in UTC
  std::uint64_t both = 0;
  std::uint64_t only_shadow = 0;
  std::uint64_t only_live = 0;
};
/// Keys, by which side raised alerts for them, however far apart.
struct ComparedKeys {
  std::uint64_t both = 0;
  std::uint64_t only_shadow = 0;
  std::uint64_t only_live = 0;
};
struct ComparedSample {
  runtime::StoredAlert alert;
  std::optional<runtime::StoredAlert> beside;  // of a shadow alert: the nearest live one
};
struct ShadowComparison {
  ComparedAlerts shadow, both, only_shadow;  // shadow alerts
  ComparedAlerts live, only_live;            // live ones
  ComparedKeys keys;
  std::vector<ComparedRule> rules;  // by how often they met the shadow
  std::uint64_t rules_left_out = 0;
  std::vector<ComparedDay> days;  // on which something was raised, the oldest first
  std::uint64_t days_left_out = 0;
  std::vector<ComparedSample> samples_both, samples_only_shadow, samples_only_live;  // newest first
  std::optional<cep::EventTime> from;  // as asked for, or where it begins
  std::uint64_t labels_left_out = 0;   // closed alerts beyond labels_max; they count as not judged
  std::uint64_t examined = 0;
  bool is_complete = true;  // false: there are older alerts of those times
};
/// A shadow alert has the label that people gave it, else that of the live alert nearest to it.
/// Errors: kCorrupt, kIo.
Result<ShadowComparison> compare_shadow(const runtime::EffectReader& reader,
                                        const TriageStore& triage,
                                        const ComparisonRequest& request);
}  // namespace tocsin::api
