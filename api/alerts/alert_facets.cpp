#include "api/alerts/alert_facets.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "api/alerts/alert_line.h"

namespace tocsin::api {
namespace {
enum Dimension : std::size_t { kStatus, kSeverity, kRule, kTag, kAssignee, kDay, kDimensions };
constexpr std::array<const char*, kDimensions> kNames = {"status", "severity", "rule",
                                                         "tag",    "assignee", "day"};

// States of alerts that somebody has touched, of those with a number from `first` on: what is not
// in there is open, and nobody has written to it.
class TouchedAlerts {
 public:
  static Result<TouchedAlerts> read(const TriageStore& triage, std::uint64_t first) {
    TouchedAlerts touched(triage, first);
    for (const TriageState state : kTriageStates) {
      if (state == TriageState::kOpen) continue;
      const Result<void> read = triage.numbers(state, UINT64_MAX, true, [&](std::uint64_t number) {
        if (number < first) return false;
        touched.states_.emplace(number, state);
        return true;
      });
      if (!read) return tl::unexpected(read.error());
    }
    return touched;
  }
  // What of the record is counted: its state and assignee.
  Result<TriageRecord> of(const runtime::StoredAlert& alert) const {
    if (alert.number >= first_) {
      const auto found = states_.find(alert.number);
      if (found == states_.end()) return TriageRecord{};
    }
    return triage_->get(alert.id);
  }

 private:
  TouchedAlerts(const TriageStore& triage, std::uint64_t first) : triage_(&triage), first_(first) {}
  const TriageStore* triage_;
  std::uint64_t first_;
  std::unordered_map<std::uint64_t, TriageState> states_;
};

class Counter {
 public:
  explicit Counter(const AlertFilter& filter) : filter_(filter), rest_(filter) {
    rest_.from.reset();
    rest_.to.reset();
    rest_.rules.clear();
    rest_.severities.clear();
    rest_.tags.clear();
  }
  Result<void> add(const runtime::StoredAlert& alert, const TouchedAlerts& touched) {
    if (!rest_.admits(alert)) return {};
    const Result<TriageRecord> triage = touched.of(alert);
    if (!triage) return tl::unexpected(triage.error());
    std::vector<std::string> tags;
    for (const std::string_view tag : json_elements(json_member(alert.line, "tags")))
      tags.push_back(json_characters(tag));
    const auto has_tag = [&] {
      return filter_.tags.empty() || std::ranges::any_of(tags, [&](const std::string& tag) {
               return filter_.tags.contains(tag);
             });
    };
    const std::array<bool, kDimensions> fits = {
        filter_.statuses.empty() || filter_.statuses.contains(triage->state),
        filter_.severities.empty() || filter_.severities.contains(alert.severity),
        filter_.rules.empty() || filter_.rules.contains(alert.rule),
        has_tag(),
        !filter_.assignee || triage->assignee == *filter_.assignee,
        (!filter_.from || alert.ts >= *filter_.from) && (!filter_.to || alert.ts < *filter_.to)};
    const auto misses = std::ranges::count(fits, false);
    if (misses > 1) return {};
    total_ += misses == 0 ? 1 : 0;
    const auto count = [&](Dimension of, std::string_view value) {
      if (misses == 0 || !fits[of]) ++counts_[of][std::string(value)];
    };
    count(kStatus, name_of(triage->state));
    count(kSeverity, cep::severity_name(alert.severity));
    count(kRule, alert.rule);
    for (const std::string& tag : tags) count(kTag, tag);
    count(kAssignee, triage->assignee);
    count(kDay, cep::format_time(alert.ts).substr(0, std::string_view("2026-03-02").size()));
    return {};
  }
  AlertFacets facets(std::uint64_t examined, bool is_complete) const {
    AlertFacets facets{total_, examined, is_complete, {}};
    for (std::size_t i = 0; i < kDimensions; ++i) {
      AlertFacet facet{kNames[i], {counts_[i].begin(), counts_[i].end()}, 0};
      std::ranges::sort(facet.values, [](const auto& a, const auto& b) {
        return std::tuple(b.second, a.first) < std::tuple(a.second, b.first);
      });
      if (facet.values.size() > kFacetValuesMax) {
        facet.left_out = facet.values.size() - kFacetValuesMax;
        facet.values.resize(kFacetValuesMax);
      }
      facets.facets.push_back(std::move(facet));
    }
    return facets;
  }

 private:
  const AlertFilter& filter_;
  AlertFilter rest_;  // what is no facet
  std::uint64_t total_ = 0;
  std::array<std::map<std::string, std::uint64_t>, kDimensions> counts_;
};
}  // namespace

Result<AlertFacets> count_facets(const runtime::EffectReader& reader, const TriageStore& triage,
                                 const AlertFilter& filter, std::size_t rows_max) {
  const Result<runtime::EmittedMark> mark = reader.mark();
  if (!mark) return tl::unexpected(mark.error());
  // Numbers have no gaps but where retention has removed the oldest.
  const std::uint64_t first = mark->number > rows_max ? mark->number - rows_max : 0;
  const Result<TouchedAlerts> touched = TouchedAlerts::read(triage, first);
  if (!touched) return tl::unexpected(touched.error());
  Counter counter(filter);
  std::uint64_t examined = 0;
  bool is_complete = true;
  Result<void> failed;
  const Result<void> read =
      reader.alerts_before(UINT64_MAX, [&](const runtime::StoredAlert& alert) {
        if (examined == rows_max) {
          is_complete = false;
          return false;
        }
        ++examined;
        failed = counter.add(alert, *touched);
        return failed.has_value();
      });
  if (!read) return tl::unexpected(read.error());
  if (!failed) return tl::unexpected(failed.error());
  return counter.facets(examined, is_complete);
}
}  // namespace tocsin::api
