#include "cep/plan/operator_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
bool keys_differ(const KeySpec& a, const KeySpec& b) {
  if (a.parts.size() != b.parts.size()) return true;
  for (std::size_t i = 0; i < a.parts.size(); ++i) {
    for (const KeyMember& mine : a.parts[i].members) {
      for (const KeyMember& other : b.parts[i].members) {
        if (mine.type == other.type && mine.role == other.role && mine.field != other.field) {
          return true;
        }
      }
    }
  }
  return false;
}

OperatorGraph::OperatorGraph(const Plan& plan) : plan_(plan) {
  for (const Feature& feature : plan.features) {
    std::vector<OperatorInput>& inputs = features_.emplace_back();
    add_events(feature.events, inputs);
    for (const Expr* expr : feature_exprs(feature)) add_features(*expr, feature.key, inputs);
    if (feature.unless_alerted_by) {
      inputs.push_back(
          {{true, feature.unless_alerted_by->value}, OperatorInput::How::kUnlessAlerted});
    }
  }
  for (const Rule& rule : plan.rules) {
    std::vector<OperatorInput>& inputs = rules_.emplace_back();
    for_each_kinds(rule, [&](const std::vector<Subset>& events) { add_events(events, inputs); });
    for (const Expr* expr : all_exprs(rule)) add_features(*expr, rule.key, inputs);
  }
}

void OperatorGraph::add_events(const std::vector<Subset>& events,
                               std::vector<OperatorInput>& into) const {
  std::set<RuleIndex> raisers;
  for (const Subset& subset : events) {
    const EventType& type = plan_.event_types[subset.type.value];
    if (type.alert_of) raisers.insert(*type.alert_of);
    raisers.insert(type.any_alert_of.begin(), type.any_alert_of.end());
  }
  for (const RuleIndex rule : raisers) {
    into.push_back({{true, rule.value}, OperatorInput::How::kAlerts});
  }
}

void OperatorGraph::add_features(const Expr& expr, const KeySpec& key,
                                 std::vector<OperatorInput>& into) const {
  for_each_expr(expr, [&](const Expr& e) {
    if (e.op != Op::kFeature) return;
    const FeatureIndex feature = feature_of(e);
    OperatorInput input{{false, feature.value}, OperatorInput::How::kFeature};
    input.has_arguments = !e.args.empty();
    input.under_another_key =
        input.has_arguments || keys_differ(plan_.features[feature.value].key, key);
    into.push_back(input);
  });
}

const std::vector<OperatorInput>& OperatorGraph::inputs(OperatorRef of) const {
  return of.is_rule ? rules_[of.index] : features_[of.index];
}

std::vector<OperatorRef> OperatorGraph::all() const {
  std::vector<OperatorRef> refs;
  for (std::uint32_t i = 0; i < features_.size(); ++i) refs.push_back({false, i});
  for (std::uint32_t i = 0; i < rules_.size(); ++i) refs.push_back({true, i});
  return refs;
}

bool OperatorGraph::depends(OperatorRef of, OperatorRef what) const {
  std::vector<OperatorRef> open = {of};
  std::vector<bool> seen(features_.size() + rules_.size());
  while (!open.empty()) {
    const OperatorRef op = open.back();
    open.pop_back();
    for (const OperatorInput& input : inputs(op)) {
      if (input.how == OperatorInput::How::kUnlessAlerted) continue;
      if (input.from == what) return true;
      const std::size_t place = input.from.index + (input.from.is_rule ? features_.size() : 0);
      if (seen[place]) continue;
      seen[place] = true;
      open.push_back(input.from);
    }
  }
  return false;
}

std::string OperatorGraph::name(OperatorRef op) const {
  return op.is_rule ? fmt::format("rule `{}`", plan_.rules[op.index].name)
                    : fmt::format("feature `{}`", plan_.features[op.index].name);
}

std::string OperatorGraph::cycle() const {
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  std::vector<State> states(features_.size() + rules_.size(), State::kNew);
  const auto state = [&](OperatorRef op) -> State& {
    return states[op.index + (op.is_rule ? features_.size() : 0)];
  };
  struct Visit {
    OperatorRef op;
    std::size_t next = 0;  // of its inputs
  };
  for (const OperatorRef root : all()) {
    if (state(root) != State::kNew) continue;
    std::vector<Visit> transition = {{root}};
    state(root) = State::kOpen;
    while (!transition.empty()) {
      Visit& visit = transition.back();
      if (visit.next == inputs(visit.op).size()) {
        state(visit.op) = State::kDone;
        transition.pop_back();
        continue;
      }
      const OperatorInput& input = inputs(visit.op)[visit.next++];
      if (input.how == OperatorInput::How::kUnlessAlerted) continue;
      if (state(input.from) == State::kNew) {
        state(input.from) = State::kOpen;
        transition.push_back({input.from});
      } else if (state(input.from) == State::kOpen) {
        std::string text;
        const auto begin = std::find_if(transition.begin(), transition.end(),
                                        [&](const Visit& v) { return v.op == input.from; });
        for (auto at = begin; at != transition.end(); ++at) {
          const OperatorInput& taken = inputs(at->op)[at->next - 1];
          text += at == begin ? name(at->op) : ", which";
          text += taken.how == OperatorInput::How::kAlerts ? " takes alerts of " : " reads ";
          text += name(taken.from);
        }
        return text;
      }
    }
  }
  return {};
}

OperatorGraph::Depths OperatorGraph::depths(const Step& step, const Counts& counts,
                                            const AtLeast& at_least) const {
  constexpr std::uint32_t kUnknown = ~std::uint32_t{0};
  Depths result{std::vector<std::uint32_t>(features_.size(), kUnknown),
                std::vector<std::uint32_t>(rules_.size(), kUnknown)};
  const auto depth = [&](OperatorRef op) -> std::uint32_t& {
    return op.is_rule ? result.rules[op.index] : result.features[op.index];
  };
  for (const OperatorRef root : all()) {
    std::vector<OperatorRef> open = {root};
    while (!open.empty()) {
      const OperatorRef op = open.back();
      std::uint32_t deepest = at_least ? at_least(op) : 0;
      bool is_ready = true;
      if (depth(op) == kUnknown) {
        for (const OperatorInput& input : inputs(op)) {
          if (!counts(op, input)) continue;
          if (depth(input.from) == kUnknown) {
            open.push_back(input.from);
            is_ready = false;
          } else {
            deepest = std::max(deepest, depth(input.from) + step(op, input));
          }
        }
      }
      if (!is_ready) continue;
      if (depth(op) == kUnknown) depth(op) = deepest;
      open.pop_back();
    }
  }
  return result;
}

OperatorGraph::Depths OperatorGraph::levels() const {
  return depths(
      [](OperatorRef, const OperatorInput& input) {
        return input.how == OperatorInput::How::kAlerts || input.under_another_key ? 1U : 0U;
      },
      [](OperatorRef, const OperatorInput& input) {
        return input.how != OperatorInput::How::kUnlessAlerted;
      });
}

std::vector<FeatureIndex> OperatorGraph::features_in_order() const {
  const Depths depth = depths([](OperatorRef, const OperatorInput&) { return 1U; },
                              [](OperatorRef of, const OperatorInput& input) {
                                return !of.is_rule && input.how == OperatorInput::How::kFeature;
                              });
  std::vector<FeatureIndex> order;
  for (std::size_t i = 0; i < features_.size(); ++i) order.emplace_back(i);
  std::stable_sort(order.begin(), order.end(), [&](FeatureIndex a, FeatureIndex b) {
    return depth.features[a.value] < depth.features[b.value];
  });
  return order;
}
}  // namespace tocsin::cep
