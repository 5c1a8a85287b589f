/// How many alerts of a filter have which value.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/alert_query.h"
#include "api/alerts/triage_store.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
struct AlertFacet {
  std::string name;
  std::vector<std::pair<std::string, std::uint64_t>> values;  // the most frequent first
  std::size_t left_out = 0;                                   // values beyond kFacetValuesMax
};
struct AlertFacets {
  std::uint64_t total = 0;     // alerts that the filter admits
  std::uint64_t examined = 0;  // alerts that were looked at, the newest first
  bool is_complete = true;     // false: there are older ones
  std::vector<AlertFacet> facets;
};
inline constexpr std::size_t kFacetValuesMax = 100;

/// Counts over the newest `rows_max` alerts at most: status, severity, rule, tag, assignee and day.
/// Each facet counts the alerts that all of the filter but its own part admits (of days: its
/// times), so that it says what another choice of it would give. Errors: kCorrupt, kIo.
Result<AlertFacets> count_facets(const runtime::EffectReader& reader, const TriageStore& triage,
                                 const AlertFilter& filter, std::size_t rows_max);
}  // namespace tocsin::api
