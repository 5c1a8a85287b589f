// Features that share a ring of each key's events, and those of them that take the same events;
// strict rules that share a key's last events, and what they ask of an event together.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/compile/compiler.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
namespace {
// Where features may share a ring: one table, one pass, and the kinds of events.
using RingPlace = std::tuple<std::uint32_t, std::uint32_t, std::vector<EventTypeIndex>>;

RingPlace ring_place_of(const FeatureProgram& feature) {
  std::vector<EventTypeIndex> types;
  for (const Subset& subset : feature.feature->events) types.push_back(subset.type);
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return {feature.table, feature.take_pass, std::move(types)};
}

std::string argument_of(const Plan& plan, const FeatureProgram& feature) {
  return feature.feature->argument ? describe(plan, *feature.feature->argument) : std::string();
}

// Which events it takes, of those that it is asked about.
std::string meaning_of(const Plan& plan, const FeatureProgram& feature) {
  std::string meaning =
      fmt::format("{} {} {} {}", feature.predicate, feature.takes_last, feature.unless.has_value(),
                  feature.unless ? feature.unless->value : 0);
  for (const Expr* condition : feature.where) meaning += '\n' + describe(plan, *condition);
  return meaning + '\n' + argument_of(plan, feature);
}
}  // namespace

// A ring has one column of values. Counts join the first ring over their kinds of events, whatever
// its argument. A feature that would be alone keeps a window of its own, which is smaller; so does
// one whose argument may have several values at a row, by what has taken the row before.
void Compiler::make_feature_groups() {
  std::map<RingPlace, std::map<std::string, std::vector<std::uint32_t>>> places;
  for (const FeatureProgram& feature : out_->features) {
    if (!feature.in_ring) continue;
    if (feature.feature->argument && reads_key_state(*feature.feature->argument)) continue;
    places[ring_place_of(feature)][argument_of(plan_, feature)].push_back(feature.index.value);
  }
  std::vector<std::uint32_t> rings_of_table(out_->tables.size());
  for (auto& [place, by_argument] : places) {
    const auto counts = by_argument.find(std::string());
    if (counts != by_argument.end() && by_argument.size() > 1) {
      const std::vector<std::uint32_t> joining = std::move(counts->second);
      by_argument.erase(counts);
      std::vector<std::uint32_t>& first = by_argument.begin()->second;
      first.insert(first.end(), joining.begin(), joining.end());
      std::sort(first.begin(), first.end());
    }
    for (const auto& [argument, features] : by_argument) {
      if (features.size() < 2) continue;
      const auto ring = static_cast<std::uint32_t>(out_->shared_rings.size());
      const std::uint32_t table = std::get<0>(place);
      out_->shared_rings.push_back({table, 0, std::get<1>(place), rings_of_table[table]++});
      std::map<std::string, std::uint32_t> groups;
      for (const std::uint32_t index : features) {
        FeatureProgram& feature = out_->features[index];
        const auto next = static_cast<std::uint32_t>(out_->feature_groups.size());
        const auto [group, is_new] = groups.try_emplace(meaning_of(plan_, feature), next);
        if (is_new) {
          const bool has_sums = feature.feature->argument != nullptr;
          out_->feature_groups.push_back({feature.table,
                                          0,
                                          ring,
                                          has_sums,
                                          {},
                                          UINT64_MAX,
                                          std::nullopt,
                                          feature.counts_rows()});
        }
        FeatureGroup& joined = out_->feature_groups[group->second];
        joined.events_least = std::min(joined.events_least, feature.window.events_max);
        std::vector<std::uint32_t>& members = joined.features;
        feature.is_shared = true;
        feature.group = group->second;
        feature.place = static_cast<std::uint32_t>(members.size());
        members.push_back(index);
      }
    }
  }
}

namespace {
// The least count at which the test holds, where it holds from one on.
std::optional<std::int64_t> least_count(const CountTest& test) {
  if (test.op == Op::kGreaterEqual) return test.number;
  if (test.op == Op::kGreater && test.number < INT64_MAX) return test.number + 1;
  return std::nullopt;
}
}  // namespace

// Requires that operators have their numbers. A shorter window of the same events holds no more
// than a longer one if both may hold equally many.
void Compiler::make_count_gates() {
  const auto reach = [&](std::uint32_t f) {
    const std::int64_t us = out_->features[f].window_us;
    return us == 0 ? INT64_MAX : us;
  };
  for (const RuleProgram& rule : out_->rules) {
    if (!rule.count_test) continue;
    FeatureProgram& feature = out_->features[rule.count_test->feature];
    const std::optional<std::int64_t> least = least_count(*rule.count_test);
    if (!least || *least <= 1 || *least > UINT32_MAX) continue;
    std::optional<CountGate>& gate =
        feature.is_shared ? out_->feature_groups[feature.group].gate : feature.gate;
    if (!gate) {
      std::uint32_t longest = feature.index.value;
      if (feature.is_shared) {
        const FeatureGroup& group = out_->feature_groups[feature.group];
        longest = *std::ranges::max_element(group.features, {}, reach);
      }
      gate = CountGate{longest, UINT32_MAX, {}};
    }
    if (feature.window.events_max != out_->features[gate->feature].window.events_max) continue;
    gate->least = std::min(gate->least, static_cast<std::uint32_t>(*least));
    if (gate->operators.empty() || gate->operators.back().word != rule.op / 64) {
      gate->operators.push_back({rule.op / 64, 0});
    }
    gate->operators.back().bits |= std::uint64_t{1} << (rule.op % 64);
  }
  for (FeatureGroup& group : out_->feature_groups) {
    if (group.gate && group.gate->operators.empty()) group.gate.reset();
  }
}

// ---- strict rules

namespace {
// How many events before the current one, which is of this step, the term reads.
std::uint32_t events_back(const WordTerm& term, std::uint32_t step) {
  if (term.source == WordTerm::Source::kConstant) return StrictGroup::Pair::kConstant;
  return term.source == WordTerm::Source::kCurrent ? 0 : step - term.step;
}

template <typename T, typename IsSame>
std::uint32_t place_among(std::vector<T>& all, T item, IsSame&& is_same) {
  const auto found = std::ranges::find_if(all, is_same);
  const auto place = static_cast<std::uint32_t>(found - all.begin());
  if (found == all.end()) all.push_back(std::move(item));
  return place;
}

std::uint32_t intern_test(StrictGroup& group, const WordTest& words, std::uint32_t step) {
  const StrictGroup::Pair pair{words.left, words.right, events_back(words.left, step),
                               events_back(words.right, step), words.is_text};
  StrictGroup::Test test{0, words.op, words.left.factor, words.right.factor};
  test.pair = place_among(group.pairs, pair, [&](const StrictGroup::Pair& other) {
    return other.is_text == pair.is_text && other.left_back == pair.left_back &&
           other.right_back == pair.right_back &&
           other.left.field_of_type == pair.left.field_of_type &&
           other.right.field_of_type == pair.right.field_of_type;
  });
  return place_among(group.tests, test,
                     [&](const StrictGroup::Test& other) { return other == test; });
}

// Adds a rule's conditions of one step behind each other.
// Gives the test of the first, if it is one.
std::optional<std::uint32_t> add_asks(StrictGroup& group, const ElementProgram& element,
                                      std::uint32_t step, std::uint32_t rule) {
  std::optional<std::uint32_t> first;
  StrictStep& asked = group.steps[step];
  bool is_covered = element.by_row.empty();
  std::size_t from = 0;
  for (std::size_t i = 0; is_covered && i < element.by_run.size(); ++i) {
    const std::optional<WordTest>& words = element.by_run[i].words;
    is_covered = words.has_value();
    if (!is_covered) break;
    const std::uint32_t test = intern_test(group, *words, step);
    if (i == 0) first = test;
    while (from < asked.asks.size() && asked.asks[from].test != test) ++from;
    if (from == asked.asks.size()) asked.asks.push_back({test, 0});
    asked.asks[from++].rules |= rule;
  }
  if (!is_covered) asked.asks_more |= rule;
  return first;
}

bool is_rung(const StrictGroup::Test& test) {
  return (test.op == Op::kGreater || test.op == Op::kGreaterEqual) && test.left_factor > 0 &&
         test.right_factor > 0;
}
// Of two such tests of one pair and operator.
bool asks_less(const StrictGroup::Test& a, const StrictGroup::Test& b) {
  return Int128{a.right_factor} * b.left_factor < Int128{b.right_factor} * a.left_factor;
}

StrictStep::Ladder ladder_of(const StrictGroup& group, std::vector<StrictStep::Ask> asks) {
  std::ranges::stable_sort(asks, [&](const StrictStep::Ask& a, const StrictStep::Ask& b) {
    return asks_less(group.tests[a.test], group.tests[b.test]);
  });
  StrictStep::Ladder ladder;
  ladder.pair = group.tests[asks[0].test].pair;
  ladder.left_most = ladder.right_most = INT64_MAX;
  std::uint32_t higher = 0;
  for (auto ask = asks.rbegin(); ask != asks.rend(); ++ask) {
    higher |= ask->rules;
    ladder.rungs.push_back({ask->test, ask->rules, higher});
    const StrictGroup::Test& test = group.tests[ask->test];
    ladder.left_most = std::min(ladder.left_most, INT64_MAX / test.left_factor);
    ladder.right_most = std::min(ladder.right_most, INT64_MAX / test.right_factor);
  }
  std::ranges::reverse(ladder.rungs);
  return ladder;
}

// Takes those asks out that make ladders. `first` has the rules whose first condition at this step
// is the test, by test: a rule's conditions keep their order, as what the tests cannot say is asked
// by it.
void make_ladders(const StrictGroup& group, const std::map<std::uint32_t, std::uint32_t>& first,
                  StrictStep& step) {
  const auto fits = [&](const StrictStep::Ask& ask) {
    const auto rules = first.find(ask.test);
    return is_rung(group.tests[ask.test]) && rules != first.end() &&
           (ask.rules & ~rules->second) == 0;
  };
  for (std::size_t i = 0; i < step.asks.size(); ++i) {
    if (!fits(step.asks[i])) continue;
    const StrictGroup::Test test = group.tests[step.asks[i].test];
    const auto is_same = [&](const StrictStep::Ask& ask) {
      const StrictGroup::Test& other = group.tests[ask.test];
      return fits(ask) && other.pair == test.pair && other.op == test.op;
    };
    if (std::ranges::count_if(step.asks, is_same) < 2) continue;
    std::vector<StrictStep::Ask> asks;
    std::ranges::copy_if(step.asks, std::back_inserter(asks), is_same);
    std::erase_if(step.asks, is_same);
    step.ladders.push_back(ladder_of(group, std::move(asks)));
    --i;
  }
}
}  // namespace

// Requires that the places of the rules' terms are known.
void Compiler::finish_strict_group(StrictGroup& group) const {
  group.steps.resize(group.depth + 1);
  // By step and test: the rules of which it is the first condition.
  std::vector<std::map<std::uint32_t, std::uint32_t>> first(group.depth + 1);
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const RuleProgram& rule = out_->rules[group.rules[i]];
    const std::uint32_t bit = 1U << i;
    for (std::uint32_t s = 0; s < rule.steps.size(); ++s) {
      const ElementProgram& element = rule.steps[s].take;
      auto take = std::ranges::find(group.takes, element.predicate, &StrictGroup::Take::predicate);
      if (take == group.takes.end()) {
        group.takes.push_back({element.predicate, {}});
        take = group.takes.end() - 1;
      }
      take->rules[s] |= bit;
      if (const auto test = add_asks(group, element, s, bit)) first[s][*test] |= bit;
    }
    group.steps[rule.steps.size() - 1].completes |= bit;
    if (!rule.within) continue;
    auto within = std::ranges::find(group.withins, rule.within->us, &StrictGroup::Within::us);
    if (within == group.withins.end()) within = group.withins.insert(within, {rule.within->us, 0});
    within->rules |= bit;
  }
  std::ranges::sort(group.withins, {}, &StrictGroup::Within::us);
  for (std::size_t s = 0; s < group.steps.size(); ++s) {
    make_ladders(group, first[s], group.steps[s]);
  }
}
}  // namespace tocsin::cep
