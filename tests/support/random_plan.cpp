#include "tests/support/random_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/plan/reference.h"
#include "cep/plan/zone.h"
#include "tests/support/key_parts.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random_data.h"
#include "tests/support/random_expr.h"
#include "tests/support/random_feature.h"
#include "tests/support/random_schema.h"

namespace tocsin::tests {
using cep::Duration;
using cep::Element;
using cep::EventTypeIndex;
using cep::ExprPtr;
using cep::Op;
using cep::Subset;
using cep::TypeKind;
using cep::Value;

namespace {
Duration seconds(std::int64_t n) { return {1'000'000 * n}; }

class PlanMaker {
 public:
  PlanMaker(Random& random, const PlanOptions& options) : random_(random), options_(options) {}

  cep::Plan make() {
    if (options_.schema != nullptr) {
      for (const cep::EventType& type : options_.schema->event_types) {
        if (!type.is_alert()) plan_.event_types.push_back(type);
      }
    } else {
      add_event_types(random_, plan_);
    }
    add_lists(random_, plan_);
    if (options_.rich_features) plan_.zones = random_zones();
    if (options_.data) {
      add_data(plan_);
      if (options_.schema == nullptr) add_data_fields(random_, plan_);
    }
    make_kinds();
    make_features();
    const auto rules =
        static_cast<std::size_t>(random_.between(1, static_cast<std::int64_t>(options_.rules_max)));
    for (std::size_t i = 0; i < rules; ++i) make_rule(i);
    return std::move(plan_);
  }

 private:
  using Kind = std::vector<Subset>;

  // ---- schema
  Subset all_of_type(std::size_t type) {
    return {EventTypeIndex(type), nullptr, plan_.event_types[type].name};
  }

  ExprPtr kind_condition(const std::vector<EventTypeIndex>& types) {
    ExprScope scope;
    scope.types = types;
    return random_condition(random_, plan_, scope, 1);
  }

  void make_kinds() {
    const std::size_t count = random_.below(3);
    for (std::size_t i = 0; i < count; ++i) {
      Kind kind;
      const std::size_t alternatives = random_.chance(60) ? 1 : 2;
      while (kind.size() < alternatives) {
        Subset subset = all_of_type(random_.below(plan_.event_types.size()));
        const bool plain = alternatives == 2 && kind.empty() && random_.chance(40);
        if (!plain) subset.condition = kind_condition({subset.type});
        subset.name = fmt::format("kind{}", i);
        kind.push_back(std::move(subset));
      }
      kinds_.push_back(std::move(kind));
    }
  }

  // One or two event types or kinds whose types are all among `allowed`.
  std::vector<Subset> random_subsets(const std::vector<EventTypeIndex>& allowed) {
    std::vector<Kind> choices;
    for (const EventTypeIndex type : allowed) choices.push_back({all_of_type(type.value)});
    for (const Kind& kind : kinds_) {
      const bool fits = std::all_of(kind.begin(), kind.end(), [&](const Subset& subset) {
        return std::find(allowed.begin(), allowed.end(), subset.type) != allowed.end();
      });
      if (fits) choices.push_back(kind);
    }
    const std::size_t first = random_.below(choices.size());
    std::vector<Subset> subsets = choices[first];
    if (choices.size() > 1 && random_.chance(15)) {
      const std::size_t second = (first + 1 + random_.below(choices.size() - 1)) % choices.size();
      subsets.insert(subsets.end(), choices[second].begin(), choices[second].end());
    }
    return subsets;
  }

  // ---- features
  cep::Feature feature_over(const std::vector<EventTypeIndex>& allowed) {
    cep::Feature feature;
    feature.events = random_subsets(allowed);
    feature.window.range = cep::LastWindow{seconds(random_.pick({1, 2, 3, 5, 8, 13, 30}))};
    ExprScope scope;
    scope.types = types_of(feature.events);
    if (options_.rich_features && random_.chance(30)) scope.features = readable(scope.types);
    if (random_.chance(30)) {
      feature.where = all_of({random_condition(random_, plan_, scope, 1)});
      add_readers(feature.where, scope.types);
    }
    feature.type = type_of(TypeKind::kInt);
    if (random_.chance(50)) set_sum(feature, scope.types);
    if (options_.rich_features) enrich_feature(random_, plan_, feature);
    if (feature.window.events() && random_.chance(30)) {
      ExprPtr where = all_of({random_condition(random_, plan_, scope, 1)});
      add_readers(where, scope.types);
      if (auto* const last = feature.window.as<cep::LastEventsWindow>()) last->where = where;
      if (auto* const previous = feature.window.as<cep::PreviousEventsWindow>()) {
        previous->where = where;
      }
    }
    return feature;
  }
  void set_sum(cep::Feature& feature, const std::vector<EventTypeIndex>& types) {
    const auto argument = find_field(plan_, types, random_.pick({"amount", "n", "rate"}));
    if (!argument) return;
    ExprPtr value = field_expr(*argument);
    if (random_.chance(20) && value->type.kind == TypeKind::kInt) {
      value = operation(Op::kMultiply, value->type, {value, int_literal(3)});
    }
    feature.argument = value;
    feature.aggregate = random_.pick({cep::Aggregate::kSum, cep::Aggregate::kAvg});
    feature.type =
        feature.aggregate == cep::Aggregate::kSum ? value->type : type_of(TypeKind::kFraction);
  }

  static ExprPtr field_expr(const std::pair<cep::FieldRef, cep::Type>& found) {
    auto expr = std::make_shared<cep::Expr>();
    expr->op = Op::kField;
    expr->payload = cep::FieldRead{found.first};
    expr->type = found.second;
    return expr;
  }

  void make_features() {
    const std::size_t count = random_.below(4);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::string> key;  // none: `over all`
      if (!random_.chance(12)) key = random_key_fields(random_, plan_);
      const std::vector<EventTypeIndex> allowed = types_with(plan_, key);
      cep::Feature feature = feature_over(allowed);
      feature.name = fmt::format("feature{}", i);
      for (const std::string& name : key) {
        feature.key.parts.push_back(key_part(plan_, name, types_of(feature.events)));
      }
      plan_.features.push_back(std::move(feature));
      named_features_ = plan_.features.size();
    }
  }

  // The named features that can be read at events of all these types.
  std::vector<cep::FeatureIndex> readable(const std::vector<EventTypeIndex>& types) const {
    std::vector<cep::FeatureIndex> features;
    for (std::size_t i = 0; i < named_features_; ++i) {
      const std::vector<cep::KeyPart>& parts = plan_.features[i].key.parts;
      const bool fits = std::all_of(parts.begin(), parts.end(), [&](const cep::KeyPart& part) {
        const auto found = find_key_field(plan_, types, part.name);
        return found && found->second == part.type;
      });
      if (fits) features.emplace_back(i);
    }
    return features;
  }

  // Notes that events of these types read the features that an expression names.
  void add_readers(const ExprPtr& expr, const std::vector<EventTypeIndex>& types) {
    std::set<const cep::Expr*> of_steps;  // read as of events of the step's own types
    walk(expr, [&](const cep::Expr& e) {
      if (e.op == Op::kBound && !e.args.empty()) of_steps.insert(e.args[0].get());
    });
    walk(expr, [&](const cep::Expr& e) {
      if (e.op != Op::kFeature || feature_of(e).value >= named_features_) return;
      if (of_steps.contains(&e)) return;
      for (cep::KeyPart& part : plan_.features[feature_of(e).value].key.parts) {
        // Under an argument, or where none of the types has the key, no member is needed.
        if (!find_key_field(plan_, types, part.name)) continue;
        add_members(part, key_part(plan_, part.name, types).members);
      }
    });
  }
  // A comparison with a feature without a name, by the rule's key.
  ExprPtr unnamed_feature_condition(const std::vector<EventTypeIndex>& readers) {
    const bool of_all = random_.chance(20);  // `over all`
    const cep::KeySpec key = of_all ? cep::KeySpec{} : full_key_;
    cep::Feature feature = feature_over(of_all ? types_with(plan_, {}) : rule_types_);
    for (const cep::KeyPart& part : key.parts) {
      cep::KeyPart own{part.name, part.type, {}};
      add_members(own, members_in(part, types_of(feature.events)));
      feature.key.parts.push_back(std::move(own));
    }
    const auto meaning = [&](cep::Feature f) {
      f.name = "$";
      cep::Plan alone;
      alone.event_types = plan_.event_types;
      alone.lists = plan_.lists;
      for (Subset& subset : f.events) subset.name.clear();
      alone.features = {std::move(f)};
      return cep::describe(alone);
    };
    const std::string mine = meaning(feature);
    std::size_t index = named_features_;
    for (; index < plan_.features.size(); ++index) {
      if (unnamed_meanings_[index - named_features_] == mine &&
          can_be_read(plan_.features[index], key, readers)) {
        break;
      }
    }
    if (index == plan_.features.size()) {
      feature.name = fmt::format("${}", index - named_features_ + 1);
      plan_.features.push_back(feature);
      unnamed_meanings_.push_back(mine);
    }
    for (std::size_t i = 0; i < key.parts.size(); ++i) {
      add_members(plan_.features[index].key.parts[i], members_in(key.parts[i], readers));
    }
    auto read = std::make_shared<cep::Expr>();
    read->op = Op::kFeature;
    read->payload = cep::FeatureRead{cep::FeatureIndex(index)};
    read->type = feature.type;
    return random_comparison(random_, read);
  }

  // ---- rules
  void make_key(cep::Rule& rule) {
    union_key_ = false;
    if (random_.chance(12)) {  // no `by`
      rule_types_ = types_with(plan_, {});
      return;
    }
    const std::vector<EventTypeIndex> with_device = types_with(plan_, {"card", "device"});
    if (random_.chance(12) && with_device.size() >= 2) {
      union_key_ = true;
      cep::KeyPart part{"account", type_of(TypeKind::kString), {}};
      for (const EventTypeIndex type : with_device) {
        const auto field = find_field(plan_, {type}, random_.chance(70) ? "card" : "device");
        part.members.push_back({type, field->first.by_type.front().second, ""});
      }
      rule_types_ = with_device;
      rule.key.parts = {part};
      return;
    }
    const std::vector<std::string> fields = random_key_fields(random_, plan_);
    rule_types_ = types_with(plan_, fields);
    for (const std::string& name : fields) {
      rule.key.parts.push_back(key_part(plan_, name, rule_types_));
    }
  }

  // The key's members are those of the event types that the rule names.
  void finish_key(cep::Rule& rule) {
    const std::vector<EventTypeIndex> types = types_of(rule.considered);
    for (cep::KeyPart& part : rule.key.parts) {
      if (union_key_) {
        part.members = members_in(part, types);
      } else {
        part = key_part(plan_, part.name, types);
      }
    }
  }

  ExprScope scope_of(const cep::Rule& rule, const std::vector<EventTypeIndex>& types) const {
    ExprScope scope;
    scope.types = types;
    scope.steps = seen_;
    scope.features = readable(types);
    scope.by_argument = options_.rich_features;
    const bool declared = rule.key.parts.size() == 1 && rule.key.parts.front().name == kDeclaredKey;
    if (union_key_ || declared) scope.union_key = &rule.key;
    return scope;
  }

  ExprPtr random_where(const cep::Rule& rule, const Element& element,
                       const cep::Variable* variable) {
    ExprScope scope = scope_of(rule, types_of(element.events()));
    if (variable != nullptr && variable->loop) {
      scope.own_loop = SeenStep{element.var(), true, scope.types};
      scope.own_loop_named = !variable->name.empty();
    }
    std::vector<ExprPtr> conjuncts;
    if (random_.chance(60)) {
      conjuncts.push_back(random_condition(random_, plan_, scope, 1));
      if (random_.chance(20)) conjuncts.push_back(random_condition(random_, plan_, scope, 1));
    }
    if (random_.chance(8) && !rule.key.parts.empty()) {
      conjuncts.push_back(unnamed_feature_condition(scope.types));
    }
    ExprPtr where = all_of(conjuncts);
    add_readers(where, scope.types);
    return where;
  }
  Element random_step(cep::Rule& rule, bool first) {
    cep::Step step;
    const cep::Contiguity contiguity =
        first ? cep::Contiguity::kAny
              : random_.pick({cep::Contiguity::kAny, cep::Contiguity::kAny, cep::Contiguity::kFirst,
                              cep::Contiguity::kFirst, cep::Contiguity::kNext});
    step.events = random_subsets(rule_types_);
    step.var = cep::VarIndex(rule.variables.size());
    if (random_.chance(35)) {
      const auto min = static_cast<std::uint32_t>(random_.weighted({45, 35, 20}) + 1);
      step.quantifier.min = min;
      switch (random_.below(3)) {
        case 0:
          step.quantifier.max = min;
          break;
        case 1:
          step.quantifier.max = min + static_cast<std::uint32_t>(random_.between(1, 2));
          break;
        default:
          step.quantifier.max.reset();
          break;
      }
      step.quantifier.loop = true;
      if (random_.chance(30)) step.quantifier.mode = cep::LoopMode::kNext;
    }
    cep::Variable variable;
    variable.loop = step.quantifier.loop;
    if (random_.chance(75)) variable.name = fmt::format("v{}", rule.variables.size() + 1);
    step.where = random_where(rule, step, &variable);
    if (!variable.name.empty()) seen_.push_back({step.var, variable.loop, types_of(step.events)});
    rule.variables.push_back(std::move(variable));
    Element element(std::move(step));
    element.contiguity = contiguity;
    return element;
  }

  cep::Absence random_absence(const cep::Rule& rule) {
    cep::Absence absence;
    absence.events = random_subsets(rule_types_);
    absence.where = random_where(rule, absence, nullptr);
    return absence;
  }

  void make_pattern(cep::Rule& rule) {
    seen_.clear();
    if (random_.chance(75)) rule.within = seconds(random_.pick({2, 3, 4, 6, 8, 10, 15, 20, 30}));
    const std::size_t steps =
        std::min(options_.steps_max, random_.weighted({25, 34, 24, 12, 4, 1}) + 1);
    for (std::size_t i = 0; i < steps; ++i) {
      if (i > 0 && random_.chance(18)) rule.pattern.push_back(random_absence(rule));
      rule.pattern.push_back(random_step(rule, i == 0));
    }
    if (random_.chance(22)) {
      cep::Absence absence = random_absence(rule);
      if (!rule.within || random_.chance(70)) absence.absent_for = seconds(random_.between(1, 6));
      rule.pattern.push_back(std::move(absence));
    }
    // `within` on a rule of one event has no effect.
    const bool one_event = rule.pattern.size() == 1 && !rule.pattern.front().quantifier().loop;
    if (one_event) rule.within.reset();
  }

  void make_considered(cep::Rule& rule) {
    for (const Element& element : rule.pattern) add_considered(rule, element.events());
    if (options_.considering && random_.chance(15)) {
      add_considered(rule, random_subsets(rule_types_));
    }
  }
  static void add_considered(cep::Rule& rule, const std::vector<Subset>& subsets) {
    for (const Subset& subset : subsets) {
      const bool known =
          std::any_of(rule.considered.begin(), rule.considered.end(), [&](const Subset& other) {
            return other.type == subset.type && other.name == subset.name &&
                   other.condition == subset.condition;
          });
      if (!known) rule.considered.push_back(subset);
    }
  }

  std::vector<EventTypeIndex> types_of_last_step(const cep::Rule& rule) const {
    for (auto element = rule.pattern.rbegin(); element != rule.pattern.rend(); ++element) {
      if (element->is_step()) return types_of(element->events());
    }
    TOCSIN_ASSERT(false, "a pattern has a step");
  }

  void make_alert(cep::Rule& rule) {
    const ExprScope scope = scope_of(rule, types_of_last_step(rule));
    const auto noted = [&](ExprPtr expr) {
      add_readers(expr, scope.types);
      return expr;
    };
    if (random_.chance(20)) rule.having = all_of({random_condition(random_, plan_, scope, 1)});
    if (random_.chance(4) && !rule.key.parts.empty()) {
      rule.having = all_of({rule.having, unnamed_feature_condition(scope.types)});
    }
    add_readers(rule.having, scope.types);
    const cep::Type severities = cep::severity_type();
    const auto severity = [&](std::int64_t ordinal) {
      return literal(
          severities,
          Value::enumerated(ordinal, (*severities.words)[static_cast<std::size_t>(ordinal)]));
    };
    if (random_.chance(30)) rule.severity = severity(random_.between(0, 4));
    if (random_.chance(10)) {
      rule.severity =
          noted(operation(Op::kIf, severities,
                          {random_condition(random_, plan_, scope, 1), severity(3), severity(1)}));
    }
    rule.message.push_back({"Rule {" + rule.name + "} of \"", nullptr});
    rule.message.push_back({"", noted(random_value(random_, plan_, scope))});
    if (random_.chance(50)) {
      rule.message.push_back({"; ", nullptr});
      rule.message.push_back({"", noted(random_value(random_, plan_, scope))});
    }
    if (random_.chance(40)) {
      if (const ExprPtr score = random_number(random_, plan_, scope, 1)) {
        rule.fields.push_back({"score", noted(score)});
      }
    }
    const std::size_t fields = random_.below(3);
    for (std::size_t i = 0; i < fields; ++i) {
      rule.fields.push_back(
          {fmt::format("field{}", i), noted(random_value(random_, plan_, scope))});
    }
  }

  void make_rule(std::size_t number) {
    cep::Rule rule;
    rule.name = fmt::format("rule{}", number);
    rule.id = random_.chance(20) ? fmt::format("R-{}", number) : rule.name;
    rule.title = fmt::format("Rule number {}", number);
    if (random_.chance(20)) rule.tags = {"one", "two"};
    make_key(rule);
    full_key_ = rule.key;
    make_pattern(rule);
    make_considered(rule);
    finish_key(rule);
    make_alert(rule);
    set_captured(plan_, rule);
    switch (random_.weighted({50, options_.no_skip ? 25U : 0U, 25})) {
      case 1:
        rule.selection.kind = cep::SelectionKind::kNoSkip;
        break;
      case 2:
        rule.selection.kind = cep::SelectionKind::kSkipPastLast;
        break;
      default:
        break;
    }
    if (random_.chance(25)) {
      rule.suppression.once = cep::OncePerDuration{seconds(random_.between(1, 10))};
    }
    plan_.rules.push_back(std::move(rule));
  }

  Random& random_;
  const PlanOptions& options_;
  cep::Plan plan_;
  std::vector<Kind> kinds_;
  std::size_t named_features_ = 0;
  std::vector<std::string> unnamed_meanings_;  // by feature without a name
  // Of the rule in the making:
  std::vector<EventTypeIndex> rule_types_;  // that have its key
  cep::KeySpec full_key_;                   // its key in all of these
  bool union_key_ = false;
  std::vector<SeenStep> seen_;  // its named steps so far
};
}  // namespace

cep::Plan random_plan(Random& random, const PlanOptions& options) {
  return PlanMaker(random, options).make();
}
}  // namespace tocsin::tests
