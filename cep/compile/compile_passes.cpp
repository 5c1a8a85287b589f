// In which pass each operator runs.
#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "cep/base/assert.h"
#include "cep/compile/compiler.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
using VisitReads = std::function<void(const Expr&, const std::vector<Subset>&)>;

// The events of a variable, or of those that belong to it.
std::vector<Subset> events_of(const Rule& rule, VarIndex var) {
  std::vector<Subset> events;
  const std::function<void(const std::vector<Element>&)> walk =
      [&](const std::vector<Element>& elements) {
        for (const Element& element : elements) {
          const bool is_of_it =
              element.is_step() &&
              (element.var() == var || rule.variables[element.var().value].parent == var);
          if (is_of_it) {
            events.insert(events.end(), element.events().begin(), element.events().end());
          }
          walk(element.children());
        }
      };
  walk(rule.pattern);
  if (rule.window) events.insert(events.end(), rule.considered.begin(), rule.considered.end());
  return events;
}
// What is read as of events that were taken earlier: it is read when they are taken.
void for_each_step_value(const Rule& rule, const VisitReads& visit) {
  for (const Expr* root : all_exprs(rule)) {
    for_each_expr(*root, [&](const Expr& expr) {
      if (expr.op != Op::kBound || expr.args.empty()) return;
      visit(*expr.args[0], events_of(rule, *variable_of(expr)));
    });
  }
}

// The condition of each step and absence with its events, and what is evaluated at the last event.
void for_each_read(const Plan& plan, OperatorRef of, const VisitReads& visit) {
  if (!of.is_rule) {
    const Feature& feature = plan.features[of.index];
    for (const Expr* expr : feature_exprs(feature)) visit(*expr, feature.events);
    return;
  }
  const Rule& rule = plan.rules[of.index];
  std::set<const Expr*> seen;
  const std::function<void(const std::vector<Element>&)> walk =
      [&](const std::vector<Element>& elements) {
        for (const Element& element : elements) {
          if (element.where()) visit(*element.where(), element.events());
          if (element.until_where()) visit(*element.until_where(), element.until_events());
          seen.insert(element.where().get());
          seen.insert(element.until_where().get());
          walk(element.children());
        }
      };
  walk(rule.pattern);
  if (rule.without && rule.without->where) {
    visit(*rule.without->where, rule.without->events);
    seen.insert(rule.without->where.get());
  }
  if (rule.suppression.condition()) {
    visit(*rule.suppression.condition(), rule.considered);
    seen.insert(rule.suppression.condition().get());
  }
  for_each_step_value(rule, visit);
  // The last event may be of any step; of a plain sequence it is of the last one.
  std::vector<Subset> last;
  const bool is_plain =
      !rule.pattern.empty() && std::ranges::all_of(rule.pattern, [](const Element& element) {
        return element.is_step() && !element.is_optional();
      });
  if (is_plain) {
    last = rule.pattern.back().events();
  } else {
    for_each_kinds(rule, [&](const std::vector<Subset>& events) {
      last.insert(last.end(), events.begin(), events.end());
    });
  }
  for (const Expr* expr : all_exprs(rule)) {
    if (!seen.contains(expr)) visit(*expr, last);
  }
}
}  // namespace

// A rule's alerts are rows once its pass is over. A feature that is read at them takes its rows in
// a later pass, or, where the rule depends on it, each row goes through all passes by itself.
void Compiler::find_alert_reads() {
  std::set<AlertRead> reads;
  const auto note = [&](OperatorRef reader) {
    for_each_read(plan_, reader, [&](const Expr& root, const std::vector<Subset>& events) {
      for_each_expr(root, [&](const Expr& expr) {
        if (expr.op != Op::kFeature) return;
        for (const Subset& subset : events) {
          const EventType& type = plan_.event_types[subset.type.value];
          for (const RuleIndex raiser : type.any_alert_of) reads.insert({feature_of(expr), raiser});
          if (type.alert_of) reads.insert({feature_of(expr), *type.alert_of});
        }
      });
    });
  };
  for (std::uint32_t i = 0; i < out_->features.size(); ++i) note({false, i});
  for (std::uint32_t i = 0; i < out_->rules.size(); ++i) note({true, i});
  // What runs after a rule must not be what the rule waits for, by way of others that do so either.
  std::vector<std::vector<std::uint32_t>> runs_after(out_->features.size());  // rules, by feature
  const auto waits_for = [&](std::uint32_t rule, FeatureIndex feature) {
    std::vector<OperatorRef> open = {{true, rule}};
    std::set<std::pair<bool, std::uint32_t>> seen;
    while (!open.empty()) {
      const OperatorRef op = open.back();
      open.pop_back();
      if (!op.is_rule && op.index == feature.value) return true;
      if (!seen.emplace(op.is_rule, op.index).second) continue;
      for (const OperatorInput& input : graph_.inputs(op)) {
        if (!feeds_back(op, input)) open.push_back(input.from);
      }
      if (op.is_rule) continue;
      for (const std::uint32_t other : runs_after[op.index]) open.push_back({true, other});
    }
    return false;
  };
  for (const AlertRead& read : reads) {
    if (waits_for(read.raiser.value, read.feature)) {
      out_->row_by_row = true;
      out_->couplings.push_back({read.raiser, read.feature});
    } else {
      runs_after[read.feature.value].push_back(read.raiser.value);
      alert_reads_.insert(read);
    }
  }
}

// A feature that waits for a rule which reads it lets it go first at each event.
bool Compiler::feeds_back(OperatorRef of, const OperatorInput& input) const {
  return input.how == OperatorInput::How::kUnlessAlerted && graph_.depends(input.from, of);
}

// What crosses between tables or comes as an alert's event takes a further pass.
OperatorGraph::Depths Compiler::depths_of_passes() const {
  using How = OperatorInput::How;
  const auto table_of_op = [&](OperatorRef op) {
    return op.is_rule ? out_->rules[op.index].table : out_->features[op.index].table;
  };
  const OperatorGraph::Step step = [&](OperatorRef of,
                                       const OperatorInput& input) -> std::uint32_t {
    if (input.how == How::kAlerts) return 1;
    const std::uint32_t table = table_of_op(of);
    const bool crosses = input.has_arguments || table_of_op(input.from) != table;
    if (input.how == How::kFeature) return crosses ? 1 : 0;
    return crosses || out_->tables[table].role_places > 1 ? 1 : 0;
  };
  const OperatorGraph::Counts counts = [&](OperatorRef of, const OperatorInput& input) {
    return !feeds_back(of, input);
  };
  OperatorGraph::Depths least{std::vector<std::uint32_t>(out_->features.size()),
                              std::vector<std::uint32_t>(out_->rules.size())};
  const OperatorGraph::AtLeast at_least = [&](OperatorRef of) { return least.of(of); };
  for (std::size_t rounds = 0;; ++rounds) {
    TOCSIN_ASSERT(rounds <= alert_reads_.size() + out_->features.size() + out_->rules.size(),
                  "what runs after a rule is not what the rule waits for");
    OperatorGraph::Depths passes = graph_.depths(step, counts, at_least);
    bool is_done = true;
    for (const AlertRead& read : alert_reads_) {
      std::uint32_t& bound = least.features[read.feature.value];
      const std::uint32_t wanted = passes.rules[read.raiser.value] + 1;
      if (bound >= wanted) continue;
      bound = wanted;
      is_done = false;
    }
    if (is_done) return passes;
  }
}

void Compiler::find_passes() {
  find_alert_reads();
  const OperatorGraph::Depths passes = depths_of_passes();
  levels_ = graph_.levels();
  for (RuleProgram& rule : out_->rules) {
    const auto index = static_cast<std::size_t>(&rule - out_->rules.data());
    rule.pass = passes.rules[index];
    rule.level = levels_.rules[index];
    out_->pass_count = std::max(out_->pass_count, rule.pass + 1);
  }
  for (std::size_t i = 0; i < out_->features.size(); ++i) {
    FeatureProgram& feature = out_->features[i];
    feature.pass = feature.take_pass = passes.features[i];
    feature.unless = plan_.features[i].unless_alerted_by;
    out_->pass_count = std::max(out_->pass_count, feature.pass + 1);
  }
  for (FeatureProgram& feature : out_->features) {
    if (!feature.unless) continue;
    RuleProgram& rule = out_->rules[feature.unless->value];
    rule.is_watched = true;
    const auto index = static_cast<std::uint32_t>(&feature - out_->features.data());
    const bool waits = graph_.depends({true, feature.unless->value}, {false, index});
    const bool in_place = rule.table == feature.table && rule.pass == feature.pass &&
                          out_->tables[rule.table].role_places == 1;
    if (!waits || in_place) continue;
    out_->row_by_row = true;
    out_->couplings.push_back({*feature.unless, FeatureIndex(index)});
  }
  if (!out_->row_by_row) return;
  // What waits for a rule takes a row when all rules have had it.
  for (std::uint32_t i = 0; i < out_->features.size(); ++i) {
    FeatureProgram& feature = out_->features[i];
    if (feature.unless && graph_.depends({true, feature.unless->value}, {false, i})) {
      feature.take_pass = out_->pass_count;
    }
  }
  ++out_->pass_count;
}
}  // namespace tocsin::cep
