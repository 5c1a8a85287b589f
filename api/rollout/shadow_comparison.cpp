#include "api/rollout/shadow_comparison.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "api/alerts/alert_line.h"
#include "api/alerts/alert_scope.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kNone = SIZE_MAX;

struct Seen {
  std::uint64_t number = 0;
  cep::Digest key{};  // of its text, so that long keys need no memory
  cep::EventTime ts;
  bool is_shadow = false;
  bool is_inside = false;  // of the times that are asked about; others are near to those
  std::size_t rule = 0;    // of a live one: its place among the rules
  std::string id;
  std::size_t beside = kNone;  // the nearest of the other side, where one is near enough
};

std::set<std::string, std::less<>> names_of(std::string_view key) {
  std::set<std::string, std::less<>> names;
  for (const auto& [name, value] : json_members(key)) names.emplace(name);
  return names;
}
// What alerts of the same key share, in whatever order the rules name its parts.
cep::Digest digest_of(std::string_view key) {
  JsonMembers members = json_members(key);
  std::ranges::sort(members);
  std::string text;
  for (const auto& [name, value] : members) {
    text += name;
    text += '\n';  // which no JSON text without blanks has
    text += value;
    text += '\n';
  }
  return cep::sha256(text);
}
std::string day_of(cep::EventTime time) {
  return cep::format_time(time).substr(0, std::string_view("2026-03-02").size());
}
void add(ComparedAlerts& to, const std::optional<TriageState>& label) {
  ++to.alerts;
  if (label == TriageState::kConfirmed) ++to.confirmed;
  if (label == TriageState::kDismissed) ++to.dismissed;
}

// Labels of the alerts with a number from `first` on. An index by state names those that have one;
// only a closed alert's record is needed to know which.
class Labels {
 public:
  Labels(const TriageStore& triage, std::size_t looked_up_max)
      : triage_(triage), looked_up_max_(looked_up_max) {}
  Result<void> read(std::uint64_t first) {
    for (const TriageState state :
         {TriageState::kConfirmed, TriageState::kDismissed, TriageState::kClosed}) {
      Result<void> read = triage_.numbers(state, UINT64_MAX, true, [&](std::uint64_t number) {
        if (number < first) return false;
        states_.insert_or_assign(number, state);
        return true;
      });
      if (!read) return read;
    }
    return {};
  }
  Result<std::optional<TriageState>> of(const Seen& one) {
    const auto found = states_.find(one.number);
    if (found == states_.end()) return std::nullopt;
    if (found->second != TriageState::kClosed) return found->second;
    if (const auto known = closed_.find(one.number); known != closed_.end()) return known->second;
    std::optional<TriageState>& label = closed_[one.number];
    if (closed_.size() > looked_up_max_) {
      ++left_out_;
      return label;
    }
    const Result<TriageRecord> record = triage_.get(one.id);
    if (!record) return tl::unexpected(record.error());
    return label = record->label;
  }
  std::uint64_t left_out() const { return left_out_; }

 private:
  const TriageStore& triage_;
  const std::size_t looked_up_max_;
  std::unordered_map<std::uint64_t, TriageState> states_;
  std::unordered_map<std::uint64_t, std::optional<TriageState>> closed_;
  std::uint64_t left_out_ = 0;
};

class Comparison {
 public:
  Comparison(const runtime::EffectReader& reader, const TriageStore& triage,
             const ComparisonRequest& request)
      : reader_(reader), request_(request), labels_(triage, request.labels_max) {
    found_.from = request.from;
    if (request.key) names_.emplace(request.key->begin(), request.key->end());
  }

  Result<ShadowComparison> make() {
    for (const auto step : {&Comparison::read, &Comparison::count, &Comparison::read_samples}) {
      if (Result<void> done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    found_.labels_left_out = labels_.left_out();
    add_rules();
    add_days();
    return std::move(found_);
  }

 private:
  using Names = std::set<std::string, std::less<>>;

  Result<void> read() {
    const Result<bool> has_order = is_in_order();
    if (!has_order) return tl::unexpected(has_order.error());
    Result<void> read = reader_.alerts_before(UINT64_MAX, [&](const runtime::StoredAlert& alert) {
      if (*has_order && is_before(alert)) return false;
      if (found_.examined == request_.rows_max || seen_.size() == request_.alerts_max) {
        found_.is_complete = false;
        return false;
      }
      ++found_.examined;
      take(alert);
      return true;
    });
    if (!read) return read;
    // Before its key was known, live alerts of all keys were taken.
    if (names_) std::erase_if(seen_, [&](const Seen& one) { return !is_comparable(one); });
    begin_with_shadow();
    std::uint64_t first = UINT64_MAX;
    for (const Seen& one : seen_) first = std::min(first, one.number);
    return labels_.read(first);
  }
  void begin_with_shadow() {
    if (found_.from) return;
    for (const Seen& one : seen_) {
      const cep::EventTime begin = one.ts - request_.within;
      if (one.is_shadow && (!found_.from || begin < *found_.from)) found_.from = begin;
    }
    if (found_.from) std::erase_if(seen_, [&](const Seen& one) { return one.ts < *found_.from; });
  }
  // Whether engine time never falls: within one timeline, and where no topic brings alerts.
  Result<bool> is_in_order() const {
    const Result<std::vector<runtime::TimelineRow>> timelines = reader_.timelines();
    if (!timelines) return tl::unexpected(timelines.error());
    const Result<std::vector<runtime::InboxPlace>> places = reader_.inbox_places();
    if (!places) return tl::unexpected(places.error());
    return timelines->size() == 1 && places->empty();
  }
  // No alert's own time is beyond its engine time.
  bool is_before(const runtime::StoredAlert& alert) const {
    return request_.from && alert.order.time < *request_.from - request_.within;
  }
  void take(const runtime::StoredAlert& alert) {
    const bool is_shadow = alert.rule == request_.rule && !alert.is_live;
    const bool is_wanted =
        request_.against ? alert.rule == *request_.against : alert.rule != request_.rule;
    if (alert.repeat_of != 0 || (!is_shadow && !(alert.is_live && is_wanted))) return;
    const auto is_between = [&](cep::Duration more) {
      return (!request_.from || alert.ts >= *request_.from - more) &&
             (!request_.to || alert.ts < *request_.to + more);
    };
    if (!is_between(request_.within)) return;
    if (!request_.scope.is_whole() && !is_alert_in(request_.scope, alert.line)) return;
    const std::string_view key = json_member(alert.line, "key");
    Names names = names_of(key);
    if (is_shadow && !names_) names_ = names;
    Seen seen;
    seen.number = alert.number;
    seen.key = digest_of(key);
    seen.ts = alert.ts;
    seen.is_shadow = is_shadow;
    seen.is_inside = is_between(cep::Duration{0});
    seen.id = alert.id;
    if (!is_shadow) {
      const auto [place, is_new] =
          places_.try_emplace(std::pair(alert.rule, std::move(names)), rules_.size());
      if (is_new) rules_.push_back(place->first);
      seen.rule = place->second;
    }
    seen_.push_back(std::move(seen));
  }
  bool is_comparable(const Seen& one) const {
    return one.is_shadow || rules_[one.rule].second == *names_;
  }

  // Each with the nearest of the other side, key by key in the order of their times.
  void pair_up() {
    std::ranges::sort(seen_, {},
                      [](const Seen& one) { return std::tie(one.key, one.ts, one.number); });
    const auto look = [&](std::size_t at, std::size_t last) {
      Seen& one = seen_[at];
      if (last != kNone && seen_[last].key == one.key) {
        const cep::Duration apart = distance(one, seen_[last]);
        const bool is_nearer = one.beside == kNone || apart < distance(one, seen_[one.beside]);
        if (apart <= request_.within && is_nearer) one.beside = last;
      }
    };
    std::size_t shadow = kNone;
    std::size_t live = kNone;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      look(i, seen_[i].is_shadow ? live : shadow);
      (seen_[i].is_shadow ? shadow : live) = i;
    }
    shadow = live = kNone;
    for (std::size_t i = seen_.size(); i-- > 0;) {
      look(i, seen_[i].is_shadow ? live : shadow);
      (seen_[i].is_shadow ? shadow : live) = i;
    }
  }
  static cep::Duration distance(const Seen& one, const Seen& other) {
    return one.ts < other.ts ? other.ts - one.ts : one.ts - other.ts;
  }

  Result<void> count() {
    pair_up();
    count_keys();
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const Seen& one = seen_[i];
      if (!one.is_inside) continue;
      const bool is_both = one.beside != kNone;
      Result<std::optional<TriageState>> label = labels_.of(one);
      if (label && !*label && one.is_shadow && is_both) label = labels_.of(seen_[one.beside]);
      if (!label) return tl::unexpected(label.error());
      add(one.is_shadow ? found_.shadow : found_.live, *label);
      if (one.is_shadow) {
        add(is_both ? found_.both : found_.only_shadow, *label);
        newest_[is_both ? 0 : 1].push_back(i);
        if (is_both) ++counted_[rules_[seen_[one.beside].rule].first].first;
      } else if (!is_both) {
        add(found_.only_live, *label);
        newest_[2].push_back(i);
        ++counted_[rules_[one.rule].first].second;
      }
      count_day(one);
    }
    return {};
  }
  // Alerts are in the order of their keys.
  void count_keys() {
    for (std::size_t i = 0; i < seen_.size();) {
      const cep::Digest& key = seen_[i].key;
      bool has_shadow = false;
      bool has_live = false;
      for (; i < seen_.size() && seen_[i].key == key; ++i) {
        if (seen_[i].is_inside) (seen_[i].is_shadow ? has_shadow : has_live) = true;
      }
      if (has_shadow && has_live) ++found_.keys.both;
      if (has_shadow && !has_live) ++found_.keys.only_shadow;
      if (!has_shadow && has_live) ++found_.keys.only_live;
    }
  }
  // A live alert that is beside one in shadow was counted with that.
  void count_day(const Seen& one) {
    const bool is_both = one.beside != kNone;
    if (is_both && !one.is_shadow) return;
    ComparedDay& day = days_[day_of(one.ts)];
    ++(is_both ? day.both : one.is_shadow ? day.only_shadow : day.only_live);
  }

  Result<void> read_samples() {
    std::vector<ComparedSample>* const to[] = {&found_.samples_both, &found_.samples_only_shadow,
                                               &found_.samples_only_live};
    for (std::size_t kind = 0; kind < newest_.size(); ++kind) {
      std::vector<std::size_t>& places = newest_[kind];
      std::ranges::sort(places, std::ranges::greater{},
                        [&](std::size_t at) { return seen_[at].number; });
      for (const std::size_t at : places) {
        if (to[kind]->size() == request_.samples_max) break;
        Result<void> added = add_sample(seen_[at], *to[kind]);
        if (!added) return added;
      }
    }
    return {};
  }
  Result<void> add_sample(const Seen& one, std::vector<ComparedSample>& to) const {
    Result<std::optional<runtime::StoredAlert>> alert = reader_.alert(one.number);
    if (!alert) return tl::unexpected(alert.error());
    if (!*alert) return {};  // retention was faster
    ComparedSample sample{std::move(**alert), std::nullopt};
    if (one.is_shadow && one.beside != kNone) {
      alert = reader_.alert(seen_[one.beside].number);
      if (!alert) return tl::unexpected(alert.error());
      sample.beside = std::move(*alert);
    }
    to.push_back(std::move(sample));
    return {};
  }
  void add_days() {
    for (auto& [name, day] : days_) {
      day.day = name;
      found_.days.push_back(day);
    }
    if (found_.days.size() <= request_.days_max) return;
    found_.days_left_out = found_.days.size() - request_.days_max;
    found_.days.erase(found_.days.begin(),
                      found_.days.end() - static_cast<std::ptrdiff_t>(request_.days_max));
  }
  void add_rules() {
    for (const auto& [rule, counts] : counted_)
      found_.rules.push_back({rule, counts.first, counts.second});
    std::ranges::stable_sort(found_.rules, std::ranges::greater{},
                             [](const ComparedRule& one) { return std::pair(one.both, one.only); });
    if (found_.rules.size() <= request_.rules_max) return;
    found_.rules_left_out = found_.rules.size() - request_.rules_max;
    found_.rules.resize(request_.rules_max);
  }

  const runtime::EffectReader& reader_;
  const ComparisonRequest& request_;
  Labels labels_;
  std::optional<Names> names_;  // of the rule's key
  std::vector<Seen> seen_;
  std::vector<std::pair<std::string, Names>> rules_;  // that were live, each with its key's names
  std::map<std::pair<std::string, Names>, std::size_t> places_;  // among them
  std::array<std::vector<std::size_t>, 3> newest_;  // in both, only in shadow, only live
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> counted_;  // both, only live
  std::map<std::string, ComparedDay> days_;
  ShadowComparison found_;
};
}  // namespace

Result<ShadowComparison> compare_shadow(const runtime::EffectReader& reader,
                                        const TriageStore& triage,
                                        const ComparisonRequest& request) {
  return Comparison(reader, triage, request).make();
}
}  // namespace tocsin::api
