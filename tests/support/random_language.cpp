#include "tests/support/random_language.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "cep/plan/feature.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_rich.h"

namespace tocsin::tests {
namespace {
// Makes a change in so many of a hundred cases; one that gives no valid plan is undone.
void attempt(Random& random, std::size_t percent, cep::Plan& plan,
             const std::function<void()>& change) {
  if (!random.chance(percent)) return;
  const cep::Plan before = plan;
  change();
  if (!cep::validate(plan).empty()) plan = before;
}

bool has_member(const cep::KeyPart& part, cep::EventTypeIndex type) {
  return std::any_of(part.members.begin(), part.members.end(),
                     [&](const cep::KeyMember& member) { return member.type == type; });
}
void add_member(cep::KeyPart& part, const cep::KeyMember& member) {
  if (has_member(part, member.type)) return;
  const auto place =
      std::find_if(part.members.begin(), part.members.end(),
                   [&](const cep::KeyMember& other) { return other.type > member.type; });
  part.members.insert(place, member);
}

// The kinds of the events that may be the last of a sequence.
void add_last(const std::vector<cep::Element>& sequence, std::vector<cep::Subset>& kinds) {
  for (auto element = sequence.rbegin(); element != sequence.rend(); ++element) {
    if (element->is_step()) {
      kinds.insert(kinds.end(), element->events().begin(), element->events().end());
    } else if (element->kind() == cep::ElementKind::kGroup) {
      add_last(element->children(), kinds);
    } else {
      for (const cep::Element& child : element->children()) add_last({child}, kinds);
    }
    if (!can_be_empty(*element)) return;
  }
}

std::vector<cep::EventTypeIndex> last_types(const cep::Rule& rule) {
  std::vector<cep::Subset> last;
  add_last(rule.pattern, last);
  return types_of(rule.window ? rule.considered : last);
}

// The last event of a match may be of several types: what it is asked for is the field of that name
// in all of them.
void let_last_be_any(cep::Plan& plan, cep::Rule& rule) {
  const auto types = last_types(rule);
  const std::function<void(cep::ExprPtr&)> complete = [&](cep::ExprPtr& e) {
    // What these have inside is asked of a step's events.
    if (!e || e->op == cep::Op::kAggregate) return;
    auto copy = std::make_shared<cep::Expr>(*e);
    const bool in_loop = e->op == cep::Op::kInLoop;
    for (std::size_t i = 0; i < (in_loop ? 1 : copy->args.size()); ++i) complete(copy->args[i]);
    if (e->op == cep::Op::kField) {
      cep::FieldRef& field = *field_of(*copy);
      field.by_type.clear();
      for (const cep::EventTypeIndex type : types) {
        const auto found = find_field(plan, {type}, field.name);
        if (!found || !(found->second == e->type)) continue;
        field.by_type.emplace_back(type, found->first.by_type.front().second);
      }
      if (field.by_type.empty()) return;
    }
    e = std::move(copy);
  };
  for (cep::Exception& exception : rule.exceptions) complete(exception.condition);
  complete(rule.having);
  complete(rule.severity);
  for (cep::ExprPtr& e : rule.suppression.for_each) complete(e);
  if (rule.suppression.at_most) {
    for (cep::ExprPtr& e : rule.suppression.at_most->for_each) complete(e);
  }
  for (cep::MessagePart& part : rule.message) complete(part.expr);
  for (cep::AlertField& field : rule.fields) complete(field.expr);
  set_captured(plan, rule);
}

// The types of which the event at a variable of the rule may be.
std::vector<cep::EventTypeIndex> types_at(const cep::Rule& rule, cep::VarIndex var) {
  std::vector<cep::Subset> events;
  if (rule.window && rule.window->var == var) {
    events = rule.window->events;
    events.insert(events.end(), rule.considered.begin(), rule.considered.end());
  }
  walk_elements(rule.pattern, [&](const cep::Element& element) {
    if (!element.is_step()) return;
    if (element.var() != var && rule.variables[element.var().value].parent != var) return;
    events.insert(events.end(), element.events().begin(), element.events().end());
  });
  return types_of(events);
}

// Where an event of these types reads a feature, the feature's key says by which field of it.
void let_read_at(cep::Plan& plan, const cep::Expr& read,
                 const std::vector<cep::EventTypeIndex>& types, const cep::Rule* of) {
  cep::Feature& feature = plan.features[feature_of(read).value];
  const bool unnamed = feature.name.starts_with('$') && of != nullptr;
  for (std::size_t i = 0; i < feature.key.parts.size(); ++i) {
    cep::KeyPart& part = feature.key.parts[i];
    for (const cep::EventTypeIndex type : types) {
      if (unnamed) {
        for (const cep::KeyMember& member : of->key.parts[i].members) {
          if (member.type == type) add_member(part, member);
        }
        continue;
      }
      const auto found = find_key_field(plan, {type}, part.name);
      if (!found || !(found->second == part.type)) continue;
      add_member(part, {type, found->first.by_type.front().second, ""});
    }
  }
}
// The same for all that an expression of the rule reads: at events of `types`, and, as of a step,
// at the step's own. `of` is absent for expressions of features.
void let_read(cep::Plan& plan, const cep::ExprPtr& expr,
              const std::vector<cep::EventTypeIndex>& types, const cep::Rule* of) {
  std::set<const cep::Expr*> of_steps;
  walk(expr, [&](const cep::Expr& e) {
    if (e.op == cep::Op::kBound && !e.args.empty() && of != nullptr) {
      of_steps.insert(e.args[0].get());
      let_read_at(plan, *e.args[0], types_at(*of, *variable_of(e)), of);
    }
    if (e.op != cep::Op::kFeature || !e.args.empty() || of_steps.contains(&e)) return;
    let_read_at(plan, e, types, of);
  });
}
void let_read(cep::Plan& plan, const std::vector<cep::Element>& elements, const cep::Rule& of) {
  for (const cep::Element& element : elements) {
    let_read(plan, element.where(), types_of(element.events()), &of);
    let_read(plan, element.until_where(), types_of(element.until_events()), &of);
    let_read(plan, element.children(), of);
  }
}
void let_all_read(cep::Plan& plan) {
  for (cep::Feature& feature : plan.features) {
    if (feature.name.starts_with("$roles")) continue;
    const auto own = types_of(feature.events);
    for (cep::KeyPart& part : feature.key.parts) {
      std::erase_if(part.members, [&](const cep::KeyMember& member) {
        return std::find(own.begin(), own.end(), member.type) == own.end();
      });
    }
  }
  for (const cep::Rule& rule : plan.rules) {
    let_read(plan, rule.pattern, rule);
    const auto all = types_of(rule.considered);
    if (rule.without) let_read(plan, rule.without->where, types_of(rule.without->events), &rule);
    let_read(plan, rule.suppression.condition(), all, &rule);
    const auto last = last_types(rule);
    if (rule.window) let_read(plan, rule.window->where, last, &rule);
    for (const cep::Exception& exception : rule.exceptions) {
      let_read(plan, exception.condition, last, &rule);
    }
    let_read(plan, rule.having, last, &rule);
    let_read(plan, rule.severity, last, &rule);
    for (const cep::ExprPtr& e : rule.suppression.for_each) let_read(plan, e, last, &rule);
    if (rule.suppression.at_most) {
      for (const cep::ExprPtr& e : rule.suppression.at_most->for_each) {
        let_read(plan, e, last, &rule);
      }
    }
    for (const cep::MessagePart& part : rule.message) let_read(plan, part.expr, last, &rule);
    for (const cep::AlertField& field : rule.fields) let_read(plan, field.expr, last, &rule);
  }
  for (const cep::Feature& feature : std::vector<cep::Feature>(plan.features)) {
    const auto types = types_of(feature.events);
    let_read(plan, feature.argument, types, nullptr);
    let_read(plan, feature.where, types, nullptr);
    let_read(plan, feature.window.where(), types, nullptr);
  }
}

// The rules whose doings depend on `any alert`.
std::vector<bool> readers_of_any(const cep::Plan& plan) {
  std::vector<bool> rules(plan.rules.size());
  std::vector<bool> features(plan.features.size());
  const auto reads = [&](const std::vector<cep::Subset>& subsets) {
    return std::any_of(subsets.begin(), subsets.end(), [&](const cep::Subset& subset) {
      const cep::EventType& type = plan.event_types[subset.type.value];
      return !type.any_alert_of.empty() || (type.alert_of && rules[type.alert_of->value]);
    });
  };
  for (bool more = true; more;) {
    more = false;
    const auto note = [&](std::vector<bool>& all, std::size_t i, bool depends) {
      const auto visit = [&](const cep::Expr& e) {
        depends = depends || (e.op == cep::Op::kFeature && features[feature_of(e).value]);
      };
      if (&all == &rules) {
        walk(plan.rules[i], visit);
      } else {
        walk(plan.features[i], visit);
      }
      if (!depends || all[i]) return;
      all[i] = more = true;
    };
    for (std::size_t f = 0; f < features.size(); ++f) {
      const auto& unless = plan.features[f].unless_alerted_by;
      note(features, f, reads(plan.features[f].events) || (unless && rules[unless->value]));
    }
    for (std::size_t r = 0; r < rules.size(); ++r) note(rules, r, reads(plan.rules[r].considered));
  }
  return rules;
}
// `any alert`: of all rules but shadow ones and those that depend on it.
void let_any_alert_be_all(cep::Plan& plan) {
  const std::vector<bool> readers = readers_of_any(plan);
  for (cep::EventType& type : plan.event_types) {
    if (type.any_alert_of.empty()) continue;
    std::vector<cep::RuleIndex> seen;
    for (std::size_t r = 0; r < plan.rules.size(); ++r) {
      const bool is_seen = plan.rules[r].status != cep::Status::kShadow && !readers[r];
      if (is_seen) seen.emplace_back(r);
    }
    if (!seen.empty()) type.any_alert_of = seen;
  }
}

// Whether what the rule does depends on no alert.
bool is_without_alerts(const cep::Plan& plan, const cep::Rule& rule) {
  bool is_without = true;
  const auto look = [&](const std::vector<cep::Subset>& subsets) {
    for (const cep::Subset& subset : subsets) {
      if (plan.event_types[subset.type.value].is_alert()) is_without = false;
    }
  };
  const std::function<void(const cep::Expr&)> visit = [&](const cep::Expr& e) {
    if (e.op != cep::Op::kFeature) return;
    const cep::Feature& feature = plan.features[feature_of(e).value];
    if (feature.unless_alerted_by) is_without = false;
    look(feature.events);
    walk(feature, visit);
  };
  look(rule.considered);
  walk(rule, visit);
  return is_without;
}

// A feature that leaves out the alerts of a rule leaves out those of another, which reads it too.
void let_another_decide(Random& random, cep::Plan& plan) {
  std::vector<std::size_t> waiting;
  for (std::size_t f = 0; f < plan.features.size(); ++f) {
    const cep::Feature& feature = plan.features[f];
    if (feature.unless_alerted_by && !feature.name.starts_with('$')) waiting.push_back(f);
  }
  if (waiting.empty()) return;
  const std::size_t chosen = random.pick(waiting);
  const std::size_t r = random.below(plan.rules.size());
  cep::Feature& feature = plan.features[chosen];
  cep::Rule& rule = plan.rules[r];
  if (rule.window || !is_without_alerts(plan, rule)) return;
  feature.unless_alerted_by = cep::RuleIndex(r);
  auto read = std::make_shared<cep::Expr>();
  read->op = cep::Op::kFeature;
  read->payload = cep::FeatureRead{cep::FeatureIndex(chosen)};
  read->type = feature.type;
  rule.having =
      all_of({rule.having, condition(random.pick({cep::Op::kGreaterEqual, cep::Op::kLess}),
                                     {read, int_literal(random.between(0, 3))})});
}

void complete(cep::Plan& plan) {
  for (cep::Rule& rule : plan.rules) let_last_be_any(plan, rule);
  let_all_read(plan);
  let_any_alert_be_all(plan);
}
}  // namespace

cep::Plan random_language_plan(Random& random, const cep::Plan* schema) {
  const bool all = random.chance(30);
  const std::size_t only = random.below(7);
  const auto has = [&](std::size_t area) { return all || only == area; };
  PlanOptions options;
  options.rules_max = 2;
  options.rich_features = has(0);
  options.data = has(6);
  options.schema = schema;
  cep::Plan plan = random_plan(random, options);
  const Riches riches = random_riches(random);
  for (std::size_t r = 0; r < plan.rules.size(); ++r) {
    if (has(1) || has(2)) enrich(random, plan, r, riches);
    if (has(3)) attempt(random, 50, plan, [&] { make_roles(random, plan, r); });
    if (has(4)) attempt(random, 60, plan, [&] { make_window_rule(random, plan, r); });
    if (has(3)) attempt(random, 40, plan, [&] { add_unless_alerted(random, plan, r); });
  }
  if (has(5)) attempt(random, 100, plan, [&] { add_reader(random, plan); });
  if (has(5)) {
    attempt(random, 40, plan, [&] { add_reader(random, plan); });
    const std::size_t last = plan.rules.size() - 1;
    if (has(1)) enrich(random, plan, last, riches);
  }
  complete(plan);
  return plan;
}

cep::Plan random_alert_plan(Random& random, const cep::Plan* schema) {
  PlanOptions options;
  options.rules_max = 2;
  options.steps_max = 3;
  options.rich_features = random.chance(20);
  options.schema = schema;
  cep::Plan plan = random_plan(random, options);
  for (std::size_t r = 0; r < plan.rules.size(); ++r) {
    attempt(random, 10, plan, [&] { make_roles(random, plan, r); });
    attempt(random, 80, plan, [&] { add_unless_alerted(random, plan, r); });
  }
  const std::size_t readers = 2 + random.below(2);
  for (std::size_t i = 0; i < readers; ++i) {
    attempt(random, 100, plan, [&] { add_reader(random, plan); });
    if (random.chance(20)) enrich(random, plan, plan.rules.size() - 1, random_riches(random));
  }
  attempt(random, 60, plan, [&] { let_another_decide(random, plan); });
  complete(plan);
  return plan;
}
}  // namespace tocsin::tests
