#include "cep/diagnose/near_miss.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "cep/diagnose/events_between.h"
#include "cep/diagnose/near_miss_rules.h"
#include "cep/diagnose/other_keys.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/plan.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kStagesMax = 200;
constexpr std::size_t kCandidatesShown = 3;

class Finder {
 public:
  Finder(const Plan& plan, const NearMissQuestion& question, const Replay& replay)
      : rule_(plan.rules[question.rule.value]),
        question_(question),
        asking_(plan, question.rule, replay) {
    if (!rule_.window) stages_ = stages_of(rule_, kStagesMax);
  }

  Result<NearMiss> find() {
    for (const Element& element : rule_.pattern) {
      if (!element.is_absence()) ++near_.places;
    }
    add_rules();
    if (const Result<void> asked = asking_.ask(); !asked) return tl::unexpected(asked.error());
    Result<void> found = search();
    if (!found) return tl::unexpected(found.error());
    find_other_keys();
    near_.cut = asking_.cut() || stages_.size() >= kStagesMax;
    return std::move(near_);
  }

 private:
  struct StageRules {
    std::optional<std::size_t> prefix, extension;
  };

  void add_rules() {
    for (const PatternStage& stage : stages_) {
      StageRules rules;
      const std::vector<Element> before = stage.pattern({});
      const bool all_optional = std::all_of(before.begin(), before.end(), [](const Element& e) {
        return e.is_optional() || e.is_absence();
      });
      if (!all_optional) rules.prefix = asking_.add(prefix_rule(rule_, stage), &stage);
      if (stage.waits != PatternStage::Waits::kRound) {
        rules.extension = asking_.add(extension_rule(rule_, stage), &stage);
      }
      stage_rules_.push_back(rules);
    }
    complete_ = asking_.add(complete_rule(rule_));
    if (!rule_.window) steps_ = asking_.add(steps_rule(rule_));
    for (const Clauses last : {Clauses::kHaving, Clauses::kSelection, Clauses::kExcept}) {
      up_to_.push_back(asking_.add(rule_up_to(rule_, last)));
    }
    if (std::optional<DerivedRule> keyless = keyless_rule(rule_)) {
      keyless_ = asking_.add(std::move(*keyless));
    }
  }

  // ---- which matches are asked about
  bool is_of_key(const DerivedMatch& match) const {
    for (std::size_t i = 0; i < question_.key.size() && i < match.key.size(); ++i) {
      if (question_.key[i] && !same_value(question_.key[i]->view(), match.key[i].view())) {
        return false;
      }
    }
    return true;
  }
  bool is_in_time(const DerivedMatch& match) const {
    return match.moment.time <= question_.end &&
           (!question_.at || match.moment.time <= *question_.at);
  }
  bool is_accounted(EventTime time) const {
    return !question_.at && std::find(question_.accounted.begin(), question_.accounted.end(),
                                      time) != question_.accounted.end();
  }
  bool is_when_expected(const DerivedMatch& match) const {
    return is_in_time(match) && (!question_.at || match.moment.time == *question_.at) &&
           !is_accounted(match.moment.time);
  }
  Matches expected_of(const Matches& all) const {
    Matches some;
    for (const DerivedMatch& match : all) {
      if (is_of_key(match) && is_when_expected(match)) some.push_back(match);
    }
    return some;
  }

  // ---- where it stopped
  Result<void> search() {
    const Matches complete = expected_of(asking_.answer(complete_));
    if (!complete.empty()) {
      stop_after(complete);
      return {};
    }
    if (rule_.window) {
      stop_before_window();
      return {};
    }
    std::vector<const Element*> last;
    without_last_absences(rule_, last);
    Matches done;
    for (const DerivedMatch& match : asking_.answer(*steps_)) {
      if (is_of_key(match) && is_in_time(match)) done.push_back(match);
    }
    const bool waits = !last.empty() || (rule_.without && rule_.without->absent_for);
    if (waits && !done.empty()) return stop_at_end(done, last);
    return stop_at_stage();
  }

  // The best of several matches: most events, then the latest.
  static const DerivedMatch& best_of(const Matches& matches) {
    return *std::max_element(matches.begin(), matches.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.events.size(), a.moment) < std::tuple(b.events.size(), b.moment);
    });
  }
  void take(const DerivedMatch& match, std::size_t leave_out = 0) {
    near_.taken.assign(match.events.begin(),
                       match.events.end() - static_cast<std::ptrdiff_t>(leave_out));
    near_.key = match.key;
  }

  // ---- complete matches that gave no alert
  void stop_after(const Matches& complete) {
    std::vector<Hindrance> fewest;
    const DerivedMatch* best = nullptr;
    for (const DerivedMatch& match : complete) {
      std::vector<Hindrance> own = of_having(match);
      const bool better =
          best == nullptr || std::tuple(fewest.size(), match.events.size(), match.moment) >
                                 std::tuple(own.size(), best->events.size(), best->moment);
      if (!better) continue;
      fewest = std::move(own);
      best = &match;
    }
    take(*best);
    near_.moment = best->moment.time;
    const auto passes = [&](Clauses last) {
      return !expected_of(asking_.answer(up_to_[static_cast<std::size_t>(last)])).empty();
    };
    if (!passes(Clauses::kHaving)) {
      near_.hindrances = std::move(fewest);
      near_.stop =
          rule_.window && !near_.hindrances.empty() && near_.hindrances.front().name != "having"
              ? NearMiss::Stop::kWindowWhere
              : NearMiss::Stop::kHaving;
    } else if (!passes(Clauses::kSelection)) {
      near_.stop = NearMiss::Stop::kSelection;
      near_.matches = complete.size();
      near_.alerted = alert_before(asking_.answer(up_to_[1]), best->moment);
    } else if (!passes(Clauses::kExcept)) {
      near_.stop = NearMiss::Stop::kExcept;
      find_exception(complete);
    } else if (expected_of(asking_.own()).empty()) {
      near_.stop = NearMiss::Stop::kSuppressed;
      near_.alerted = alert_before(asking_.own(), best->moment);
    } else {
      // One came, and more were expected.
      near_.stop = NearMiss::Stop::kSelection;
      near_.alerted = best->moment.time;
      near_.matches = complete.size();
    }
  }

  std::vector<Hindrance> of_having(const DerivedMatch& match) const {
    std::vector<Hindrance> all = unmet(asking_.derived(complete_), match, {});
    std::erase_if(all, [](const Hindrance& h) { return h.name.starts_with("except"); });
    return all;
  }

  void find_exception(const Matches& complete) {
    const DerivedRule& derived = asking_.derived(complete_);
    for (const DerivedMatch& match : complete) {
      for (const AskedCondition& asked : derived.asked) {
        if (!asked.name.starts_with("except")) continue;
        if (!match.fields[asked.truth].view().is_true()) continue;
        near_.exception = std::stoul(asked.name.substr(7));
        Hindrance held;
        held.condition = asked.condition;
        for (const AskedCondition::Shown& shown : asked.values) {
          held.values.push_back({shown.expr, match.fields[shown.field]});
        }
        near_.hindrances = {std::move(held)};
        take(match);
        near_.moment = match.moment.time;
        return;
      }
    }
  }

  // `for each` may hold back over other keys, so that only time counts.
  std::optional<EventTime> alert_before(const Matches& alerts, const Moment& moment) const {
    std::optional<EventTime> found;
    for (const DerivedMatch& alert : alerts) {
      if (is_of_key(alert) && alert.moment <= moment) found = alert.moment.time;
    }
    return found;
  }

  void stop_before_window() {
    near_.stop = NearMiss::Stop::kNoWindow;
    for (const DerivedMatch& match : asking_.answer(complete_)) {
      if (!is_of_key(match) || match.moment.time <= question_.end) continue;
      near_.stop = NearMiss::Stop::kWindow;
      near_.moment = match.moment.time;
      take(match);
      return;
    }
  }

  // ---- all steps done, but not what stands at the end
  struct Inserted {
    std::size_t rule = 0;
    const Element* absence = nullptr;  // null: all that is considered, or `without`
  };
  Result<void> stop_at_end(const Matches& done, const std::vector<const Element*>& last) {
    const std::size_t considered = asking_.add(after_steps_rule(rule_, rule_.considered, nullptr));
    std::vector<Inserted> forbidden;
    for (const Element* absence : last) {
      forbidden.push_back(
          {asking_.add(after_steps_rule(rule_, absence->events(), absence->where())), absence});
    }
    if (rule_.without && rule_.without->absent_for) {
      forbidden.push_back(
          {asking_.add(after_steps_rule(rule_, rule_.without->events, rule_.without->where)),
           nullptr});
    }
    if (Result<void> asked = asking_.ask(); !asked) return asked;
    const ByMatch next_events = by_match(asking_.answer(considered));
    std::vector<ByMatch> found;
    found.reserve(forbidden.size());
    for (const Inserted& inserted : forbidden)
      found.push_back(by_match(asking_.answer(inserted.rule)));
    std::optional<std::tuple<bool, std::size_t, Moment>> best;
    for (const DerivedMatch& match : done) {
      const std::optional<EventTime> deadline = deadline_of(match, last);
      if (deadline && is_accounted(*deadline)) continue;
      const bool in_place = !question_.at || deadline == question_.at;
      const std::tuple rank(in_place, match.events.size(), match.moment);
      if (best && rank < *best) continue;
      best = rank;
      take(match);
      near_.hindrances.clear();
      near_.moment = deadline;
      near_.stop = NearMiss::Stop::kUnexplained;
      const std::string text = text_of(match, 0);
      const DerivedMatch* const next = first_in(next_events, text);
      for (std::size_t i = 0; i < forbidden.size(); ++i) {
        const Element* const absence = forbidden[i].absence;
        const DerivedMatch* const came = first_in(found[i], text);
        if (came == nullptr) continue;
        const bool is_next = absence != nullptr && absence->is_next();
        const bool counts = is_next    ? next != nullptr && came->moment == next->moment
                            : deadline ? came->moment.time < *deadline
                                       : next == nullptr || came->moment <= next->moment;
        if (!counts) continue;
        Hindrance hindrance;
        hindrance.kind = absence == nullptr ? Hindrance::Kind::kWithout : Hindrance::Kind::kAbsence;
        hindrance.kinds = absence == nullptr ? &rule_.without->events : &absence->events();
        hindrance.between = came->events.back().event;
        near_.hindrances.push_back(std::move(hindrance));
      }
      if (!near_.hindrances.empty()) {
        near_.stop = NearMiss::Stop::kAbsence;
      } else if (deadline) {
        if (*deadline > question_.end || (question_.at && *deadline > *question_.at)) {
          near_.stop = NearMiss::Stop::kDeadline;
        }
      } else if (next == nullptr) {
        near_.stop = NearMiss::Stop::kNextEvent;
      }
    }
    return {};
  }

  // Nothing where the next event decides.
  std::optional<EventTime> deadline_of(const DerivedMatch& match,
                                       const std::vector<const Element*>& last) const {
    const EventTime first = match.events.front().event.ts;
    if (rule_.without && rule_.without->absent_for) return first + *rule_.without->absent_for;
    if (last.empty() || last.back()->is_next()) return std::nullopt;
    if (last.back()->absent_for()) return match.events.back().event.ts + *last.back()->absent_for();
    if (rule_.within) return first + *rule_.within;
    return std::nullopt;
  }

  // ---- a step that did not come
  Result<void> stop_at_stage() {
    std::vector<std::size_t> furthest;
    std::size_t rank = 0;
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      if (!stages_[i].begins && partial_matches(i).empty()) continue;
      if (furthest.empty() || stages_[i].rank > rank) furthest.clear();
      if (!furthest.empty() && stages_[i].rank < rank) continue;
      rank = stages_[i].rank;
      furthest.push_back(i);
    }
    if (furthest.empty()) return {};
    std::vector<Insertions> inserted;
    for (const std::size_t i : furthest) inserted.push_back(add_insertions(i));
    if (Result<void> asked = asking_.ask(); !asked) return asked;
    std::optional<Rank> best;
    for (std::size_t i = 0; i < furthest.size(); ++i) look_at(furthest[i], inserted[i], best);
    return {};
  }

  Matches partial_matches(std::size_t stage) const {
    Matches some;
    if (!stage_rules_[stage].prefix) return some;
    for (const DerivedMatch& match : asking_.answer(*stage_rules_[stage].prefix)) {
      if (is_of_key(match) && is_in_time(match)) some.push_back(match);
    }
    return some;
  }

  Insertions add_insertions(std::size_t i) {
    const PatternStage& stage = stages_[i];
    Insertions all;
    if (stage.begins || stage.waits == PatternStage::Waits::kRound) return all;
    const auto insert = [&](const std::vector<Subset>& kinds, const ExprPtr& where) {
      return asking_.add(insertion_rule(rule_, stage, kinds, where), &stage);
    };
    bool asks_next = stage.contiguity == Contiguity::kNext;
    for (const Element* absence : stage.absences) {
      asks_next = asks_next || absence->is_next();
      all.absences.emplace_back(absence, insert(absence->events(), absence->where()));
    }
    if (asks_next) all.considered = insert(rule_.considered, nullptr);
    if (rule_.without) all.without = insert(rule_.without->events, rule_.without->where);
    if (stage.waits == PatternStage::Waits::kLoop && !stage.next->until_events().empty()) {
      all.until = insert(stage.next->until_events(), stage.next->until_where());
    }
    // Its own condition reads its own events, which the one in between would be.
    const auto reads_itself = [](const Element& step) {
      return step.where() && any_expr(*step.where(), [&](const Expr& expr) {
               const VarIndex* var = variable_of(expr);
               return expr.op == Op::kPrev || (var != nullptr && *var == step.var());
             });
    };
    if (stage.greedy != nullptr && stage.greedy->is_step() && !reads_itself(*stage.greedy)) {
      all.greedy = insert(stage.greedy->events(), stage.greedy->where());
    }
    if (stage.waits == PatternStage::Waits::kStep && stage.contiguity == Contiguity::kFirst &&
        !reads_itself(*stage.next)) {
      all.first = insert(stage.next->events(), stage.next->where());
    }
    return all;
  }

  // What is better: when it was expected, fewer hindrances, more events, later.
  using Rank = std::tuple<bool, std::ptrdiff_t, std::size_t, Moment>;

  struct Seen {
    const DerivedMatch* match;
    std::vector<Hindrance> hindrances;
    bool when_expected = false;
    std::ptrdiff_t fewer() const { return -static_cast<std::ptrdiff_t>(hindrances.size()); }
  };

  void look_at(std::size_t i, const Insertions& inserted, std::optional<Rank>& best) {
    const PatternStage& stage = stages_[i];
    const Matches partial = partial_matches(i);
    std::map<std::string, std::vector<Seen>> seen;  // by partial match
    std::map<std::string, const DerivedMatch*> by_text;
    for (const DerivedMatch& match : partial) by_text[text_of(match, 0)] = &match;
    if (stage_rules_[i].extension) {
      const EventsBetween between(asking_, inserted);
      const bool completes = is_last(stage);
      for (const DerivedMatch& match : asking_.answer(*stage_rules_[i].extension)) {
        if (!is_of_key(match) || !is_in_time(match)) continue;
        const std::string text = text_of(match, 1);
        if (!by_text.contains(text) && !(stage.begins && match.events.size() == 1)) continue;
        Seen next{&match, {}, false};
        next.hindrances = unmet(asking_.derived(*stage_rules_[i].extension), match,
                                match.events.back().event.type);
        between.add_hindrances(rule_, stage, match, completes, next.hindrances);
        next.when_expected = completes && question_.at && match.moment.time == *question_.at;
        if (completes && question_.at && !next.when_expected && next.hindrances.empty()) {
          Hindrance other;
          other.kind = Hindrance::Kind::kOtherMoment;
          next.hindrances.push_back(std::move(other));
        }
        // The alert that came.
        if (completes && next.hindrances.empty() && is_accounted(match.moment.time)) continue;
        seen[text].push_back(std::move(next));
      }
    }
    for (auto& [text, all] : seen) {
      std::stable_sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) {
        return std::tuple(a.when_expected, a.fewer(), a.match->moment) >
               std::tuple(b.when_expected, b.fewer(), b.match->moment);
      });
      const Seen& first = all.front();
      const Rank rank(first.when_expected, first.fewer(), first.match->events.size(),
                      first.match->moment);
      if (best && *best >= rank) continue;
      best = rank;
      stop_in(stage);
      take(*first.match, 1);
      near_.candidates.clear();
      for (const Seen& candidate : all) {
        if (near_.candidates.size() == kCandidatesShown) break;
        near_.candidates.push_back({candidate.match->events.back().event, candidate.hindrances});
      }
      near_.candidates_more = all.size() - near_.candidates.size();
    }
    if (!seen.empty() || best) return;
    // Nothing came after it at all.
    const Rank none(false, std::numeric_limits<std::ptrdiff_t>::min(), 0, {});
    best = none;
    stop_in(stage);
    // Nothing can come after one that ends when the alert was expected.
    Matches open = partial;
    std::erase_if(open, [&](const auto& match) { return match.moment.time == question_.at; });
    if (!partial.empty()) take(best_of(open.empty() ? partial : open));
  }

  void stop_in(const PatternStage& stage) {
    near_.place = stage.top;
    near_.step = stage.next;
    near_.done = stage.taken;
    near_.needed = stage.next->quantifier().min;
    near_.stop = stage.waits == PatternStage::Waits::kStep   ? NearMiss::Stop::kStep
                 : stage.waits == PatternStage::Waits::kLoop ? NearMiss::Stop::kLoop
                                                             : NearMiss::Stop::kRound;
  }

  // Whether the event that the stage waits for completes the match.
  bool is_last(const PatternStage& stage) const {
    return stage.next == &rule_.pattern.back() && stage.next->is_step() &&
           stage.taken + 1 >= stage.next->quantifier().min &&
           !(rule_.without && rule_.without->absent_for);
  }

  void find_other_keys() {
    if (!keyless_) return;
    Matches expected;
    for (const DerivedMatch& match : asking_.answer(*keyless_)) {
      if (is_when_expected(match)) expected.push_back(match);
    }
    near_.other_keys = other_keys(rule_, asking_.derived(*keyless_).rule, expected);
  }

  const Rule& rule_;
  const NearMissQuestion& question_;
  Questioning asking_;
  std::vector<PatternStage> stages_;
  std::vector<StageRules> stage_rules_;  // parallel
  std::size_t complete_ = 0;
  std::optional<std::size_t> steps_, keyless_;
  std::vector<std::size_t> up_to_;  // by Clauses
  NearMiss near_;
};
}  // namespace

Result<NearMiss> find_near_miss(const Plan& plan, const NearMissQuestion& question,
                                const Replay& replay) {
  return Finder(plan, question, replay).find();
}
}  // namespace tocsin::cep
