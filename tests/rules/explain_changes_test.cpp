// A plan that means something else is said otherwise: random rules, changed in one place. Long
// because one table has every change.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/explain/explain.h"
#include "tests/rules/explain_support.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
using Change = std::function<bool(Random&, cep::Plan&, cep::Rule&)>;
constexpr cep::Duration kSecond{1'000'000};

bool has_several_events(const cep::Rule& rule) {
  std::size_t steps = 0;
  bool repeats = false;
  walk_elements(rule.pattern, [&](const cep::Element& element) {
    if (element.is_step()) ++steps;
    repeats = repeats || element.quantifier().max != 1U;
  });
  return steps > 1 || repeats;
}
// One element that `fits`, by chance.
cep::Element* any_element(Random& random, cep::Rule& rule,
                          const std::function<bool(const cep::Element&)>& fits) {
  std::vector<cep::Element*> found;
  walk_elements(rule.pattern, [&](cep::Element& element) {
    if (fits(element)) found.push_back(&element);
  });
  return found.empty() ? nullptr : random.pick(found);
}
Change of_element(std::function<bool(const cep::Element&)> fits,
                  std::function<void(Random&, cep::Element&)> change) {
  return [fits = std::move(fits), change = std::move(change)](Random& random, cep::Plan&,
                                                              cep::Rule& rule) {
    cep::Element* const element = any_element(random, rule, fits);
    if (element == nullptr) return false;
    change(random, *element);
    return true;
  };
}
// Changes one expression that `fits`.
Change of_expr(std::function<bool(const cep::Expr&)> fits,
               std::function<void(Random&, cep::Expr&)> change) {
  return [fits = std::move(fits), change = std::move(change)](Random& random, cep::Plan&,
                                                              cep::Rule& rule) {
    std::size_t count = 0;
    rewrite(rule, [&](cep::Expr& expr) { count += fits(expr) ? 1 : 0; });
    if (count == 0) return false;
    const std::size_t chosen = random.below(count);
    std::size_t at = 0;
    rewrite(rule, [&](cep::Expr& expr) {
      if (fits(expr) && at++ == chosen) change(random, expr);
    });
    return true;
  };
}
template <typename Enum>
Enum other_than(Random& random, Enum now, std::size_t count) {
  const auto at = (static_cast<std::size_t>(now) + 1 + random.below(count - 1)) % count;
  return static_cast<Enum>(at);
}

bool is_step(const cep::Element& element) { return element.is_step(); }
bool is_absence(const cep::Element& element) { return element.is_absence(); }
bool is_loop(const cep::Element& element) {
  return is_step(element) && element.quantifier().loop && element.quantifier().max != 1U;
}
bool is_comparison(const cep::Expr& expr) {
  return expr.op >= cep::Op::kEqual && expr.op <= cep::Op::kGreaterEqual;
}

// Single changes of a rule's meaning, each of a part that has it. Long because it is one table.
const std::map<std::string, Change>& changes() {
  using cep::Contiguity;
  using cep::Element;
  using cep::Expr;
  using cep::ExprPtr;
  using cep::Op;
  static const std::map<std::string, Change> kChanges = {
      {"within",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (!rule.within || rule.window || !has_several_events(rule)) return false;
         rule.within = *rule.within + kSecond;
         return true;
       }},
      {"no within",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (!rule.within || rule.window || !has_several_events(rule)) return false;
         rule.within.reset();
         return true;
       }},
      {"contiguity",
       [](Random& random, cep::Plan&, cep::Rule& rule) {
         if (rule.pattern.size() < 2) return false;
         Element& element = rule.pattern[1 + random.below(rule.pattern.size() - 1)];
         if (is_absence(element)) return false;
         element.contiguity = other_than(random, element.contiguity, 3);
         return true;
       }},
      {"gap", of_element([](const Element& e) { return e.gap.has_value(); },
                         [](Random& random, Element& e) {
                           if (random.chance(50)) {
                             e.gap = *e.gap + kSecond;
                           } else {
                             e.gap.reset();
                           }
                         })},
      {"count", of_element(is_loop,
                           [](Random& random, Element& e) {
                             if (e.quantifier().max && random.chance(50)) {
                               ++*e.repetition()->quantifier.max;
                             } else {
                               ++e.repetition()->quantifier.min;
                               if (e.quantifier().max) ++*e.repetition()->quantifier.max;
                             }
                           })},
      {"loop mode", of_element(is_loop,
                               [](Random& random, Element& e) {
                                 e.repetition()->quantifier.mode = other_than(random, e.quantifier().mode, 3);
                               })},
      {"greedy", of_element(is_loop,
                            [](Random&, Element& e) { e.repetition()->quantifier.greedy = !e.quantifier().greedy; })},
      {"optional",
       of_element([](const Element& e) { return !is_absence(e); },
                  [](Random&, Element& e) { e.repetition()->optional = !e.is_optional(); })},
      {"no next", of_element(is_absence, [](Random&, Element& e) { e.absence()->next = !e.is_next(); })},
      {"absence's time",
       of_element([](const Element& e) { return is_absence(e) && e.absent_for() && !e.is_next(); },
                  [](Random&, Element& e) { e.absence()->absent_for = *e.absent_for() + kSecond; })},
      {"until", of_element([](const Element& e) { return !e.until_events().empty(); },
                           [](Random&, Element& e) { e.step()->until_events.clear(); })},
      {"condition", of_element([](const Element& e) { return e.where() != nullptr; },
                               [](Random&, Element& e) { e.test()->where = nullptr; })},
      {"kind",
       [](Random& random, cep::Plan& plan, cep::Rule& rule) {
         Element* const element =
             any_element(random, rule, [](const Element& e) { return !e.events().empty(); });
         if (element == nullptr) return false;
         const cep::EventTypeIndex type(random.below(plan.event_types.size()));
         const std::string& name = plan.event_types[type.value].name;
         for (const cep::Subset& kind : element->events()) {
           if (kind.name == name) return false;
         }
         element->test()->events = {{type, nullptr, name, {}}};
         return true;
       }},
      {"selection",
       [](Random& random, cep::Plan&, cep::Rule& rule) {
         if (rule.variables.empty()) return false;
         rule.selection.kind = other_than(random, rule.selection.kind, 7);
         return true;
       }},
      {"prefer latest",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (!has_several_events(rule)) return false;
         rule.selection.prefer_latest = !rule.selection.prefer_latest;
         return true;
       }},
      {"in order",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         rule.selection.in_order = !rule.selection.in_order;
         return true;
       }},
      {"once",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         auto* const per = rule.suppression.as<cep::OncePerDuration>();
         if (per == nullptr) return false;
         per->duration = per->duration + kSecond;
         return true;
       }},
      {"no once",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.suppression.kind() == cep::Once::kNone) return false;
         rule.suppression.once = {};
         return true;
       }},
      {"at most",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (!rule.suppression.at_most) return false;
         ++rule.suppression.at_most->count;
         return true;
       }},
      {"for each",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.suppression.for_each.empty() || rule.suppression.kind() == cep::Once::kNone) {
           return false;
         }
         rule.suppression.for_each.clear();
         return true;
       }},
      {"except",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.exceptions.empty()) return false;
         rule.exceptions.pop_back();
         return true;
       }},
      {"expires",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.exceptions.empty()) return false;
         std::optional<std::int64_t>& expires = rule.exceptions.back().expires;
         expires = expires ? *expires + 1 : 20'000;
         return true;
       }},
      {"without",
       [](Random& random, cep::Plan&, cep::Rule& rule) {
         if (!rule.without) return false;
         if (random.chance(50)) {
           rule.without.reset();
         } else {
           rule.without->absent_for =
               rule.without->absent_for ? *rule.without->absent_for + kSecond : kSecond;
         }
         return true;
       }},
      {"having",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (!rule.having) return false;
         rule.having = nullptr;
         return true;
       }},
      {"window",
       [](Random& random, cep::Plan&, cep::Rule& rule) {
         if (!rule.window) return false;
         cep::ClosingWindow& window = *rule.window;
         const cep::Duration length = window.duration();
         const bool lengthens = window.calendar() == nullptr && random.chance(50);
         if (window.is_session() == lengthens) {
           window.span = cep::SessionSpan{length + kSecond};
         } else {
           window.span = cep::TumblingSpan{length + kSecond};
         }
         return true;
       }},
      {"status",
       [](Random& random, cep::Plan&, cep::Rule& rule) {
         rule.status = other_than(random, rule.status, 4);
         return true;
       }},
      {"key",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.key.parts.empty()) return false;
         const std::string name = rule.key.parts.back().name;
         for (std::size_t i = 0; i + 1 < rule.key.parts.size(); ++i) {
           if (rule.key.parts[i].name == name) return false;
         }
         rule.key.parts.pop_back();
         rewrite(rule, [&](cep::Expr& expr) {
           if (expr.op != Op::kKey) return;
           if (expr.as<cep::KeyRead>().part < rule.key.parts.size()) return;
           expr.op = Op::kField;
           expr.payload = cep::FieldRead{{name, {}}};
         });
         return true;
       }},
      {"score",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.fields.empty()) return false;
         rule.fields.pop_back();
         return true;
       }},
      {"comparison", of_expr(is_comparison,
                             [](Random& random, Expr& e) {
                               const std::size_t first = static_cast<std::size_t>(Op::kEqual);
                               const auto at = static_cast<std::size_t>(e.op) - first;
                               e.op = static_cast<Op>(first + (at + 1 + random.below(5)) % 6);
                             })},
      {"and, or", of_expr([](const Expr& e) { return e.op == Op::kAnd || e.op == Op::kOr; },
                          [](Random&, Expr& e) { e.op = e.op == Op::kAnd ? Op::kOr : Op::kAnd; })},
      {"arithmetic",
       of_expr([](const Expr& e) { return e.op >= Op::kAdd && e.op <= Op::kModulo; },
               [](Random& random, Expr& e) {
                 const std::size_t first = static_cast<std::size_t>(Op::kAdd);
                 const auto at = static_cast<std::size_t>(e.op) - first;
                 e.op = static_cast<Op>(first + (at + 1 + random.below(4)) % 5);
               })},
      {"missing, known",
       of_expr([](const Expr& e) { return e.op == Op::kIsMissing || e.op == Op::kIsKnown; },
               [](Random&, Expr& e) {
                 e.op = e.op == Op::kIsMissing ? Op::kIsKnown : Op::kIsMissing;
               })},
      {"number",
       of_expr(
           [](const Expr& e) {
             return e.op == Op::kLiteral && literal_of(e).kind == cep::ValueKind::kInt;
           },
           [](Random&, Expr& e) {
             const cep::Value more = cep::Value::integer(literal_of(e).number + 1);
             e.payload = cep::LiteralValue{cep::OwnedValue(more)};
           })},
      {"first, last",
       of_expr(
           [](const Expr& e) {
             return e.op == Op::kBound && e.as<cep::BoundField>().which != cep::Which::kOnly;
           },
           [](Random&, Expr& e) {
             cep::Which& which = e.as<cep::BoundField>().which;
             which = which == cep::Which::kFirst ? cep::Which::kLast : cep::Which::kFirst;
           })},
      {"aggregate",
       of_expr(
           [](const Expr& e) {
             return e.op == Op::kAggregate && !e.args.empty() && e.args[0] != nullptr;
           },
           [](Random& random, Expr& e) {
             cep::Aggregate& aggregate = e.as<cep::VariableAggregate>().aggregate;
             aggregate = other_than(random, aggregate, 6);
           })},
      {"kind's condition",
       [](Random& random, cep::Plan&, cep::Rule& rule) {
         Element* const element = any_element(random, rule, [](const Element& e) {
           return !e.events().empty() && e.events().front().condition != nullptr;
         });
         if (element == nullptr) return false;
         element->test()->events.front().condition = nullptr;
         return true;
       }},
      {"last absence",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.pattern.empty() || !is_absence(rule.pattern.back())) return false;
         rule.pattern.pop_back();
         return true;
       }},
      {"missing step",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.pattern.size() < 2) return false;
         rule.pattern.pop_back();
         return true;
       }},
      {"order of steps",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.pattern.size() < 2) return false;
         std::swap(rule.pattern.front(), rule.pattern.back());
         return true;
       }},
      {"alternatives",
       of_element([](const Element& e) { return e.kind() == cep::ElementKind::kOneOf; },
                  [](Random&, Element& e) { e.group()->form = cep::GroupForm::kAllOf; })},
      {"fewer alternatives",
       of_element([](const Element& e) { return e.children().size() > 1; },
                  [](Random&, Element& e) { e.group()->children.pop_back(); })},
      {"group's count",
       of_element([](const Element& e) { return !e.children().empty() && e.quantifier().loop; },
                  [](Random&, Element& e) {
                    ++e.repetition()->quantifier.min;
                    if (e.quantifier().max) ++*e.repetition()->quantifier.max;
                  })},
      {"field",
       of_expr(
           [](const Expr& e) {
             // A feature's value at a step has no field.
             return (e.op == Op::kField || (e.op == Op::kBound && e.args.empty())) &&
                    e.type.kind != cep::TypeKind::kTime;
           },
           [](Random&, Expr& e) { field_of(e)->name += "_other"; })},
      {"not", of_expr([](const Expr& e) { return e.op == Op::kNot; },
                      [](Random&, Expr& e) {
                        const ExprPtr inner = e.args[0];
                        e = *inner;
                      })},
      {"text", of_expr(
                   [](const Expr& e) {
                     return e.op == Op::kLiteral &&
                            literal_of(e).kind == cep::ValueKind::kString;
                   },
                   [](Random&, Expr& e) {
                     const std::string other = std::string(literal_of(e).text) + "x";
                     e.payload = cep::LiteralValue{cep::OwnedValue(cep::Value::string(other))};
                   })},
      {"function", of_expr([](const Expr& e) { return e.op == Op::kCall && e.args.size() == 1; },
                           [](Random& random, Expr& e) {
                             using cep::Function;
                             Function& function = e.as<cep::FunctionCall>().function;
                             const Function now = function;
                             while (function == now) {
                               function = random.pick({Function::kAbs, Function::kFloor,
                                                         Function::kCeil, Function::kLower,
                                                         Function::kUpper, Function::kSqrt,
                                                         Function::kNormalize, Function::kLength});
                             }
                           })},
      {"text's test",
       of_expr(
           [](const Expr& e) {
             return e.op == Op::kContains || e.op == Op::kContainsWord ||
                    e.op == Op::kStartsWith || e.op == Op::kEndsWith;
           },
           [](Random& random, Expr& e) {
             const Op now = e.op;
             while (e.op == now) {
               e.op = random.pick(
                   {Op::kContains, Op::kContainsWord, Op::kStartsWith, Op::kEndsWith});
             }
           })},
      {"feature's aggregate",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         for (const cep::FeatureIndex index : rules::features_of(plan, rule)) {
           cep::Feature& feature = plan.features[index.value];
           if (!feature.argument) continue;
           feature.aggregate = feature.aggregate == cep::Aggregate::kMax ? cep::Aggregate::kMin
                                                                         : cep::Aggregate::kMax;
           return true;
         }
         return false;
       }},
      {"feature's panes",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         const std::vector<cep::FeatureIndex> read = rules::features_of(plan, rule);
         if (read.empty()) return false;
         cep::FeatureWindow& window = plan.features[read.front().value].window;
         std::optional<cep::Duration>* every = nullptr;
         if (auto* const last = window.as<cep::LastWindow>()) every = &last->every;
         if (auto* const previous = window.as<cep::PreviousWindow>()) every = &previous->every;
         if (every == nullptr) return false;
         *every = *every ? **every + kSecond : kSecond;
         return true;
       }},
      {"feature's key",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         for (const cep::FeatureIndex index : rules::features_of(plan, rule)) {
           cep::KeySpec& key = plan.features[index.value].key;
           if (key.parts.empty()) continue;
           key.parts.front().name += "_other";
           return true;
         }
         return false;
       }},
      {"unless alerted by",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         for (const cep::FeatureIndex index : rules::features_of(plan, rule)) {
           cep::Feature& feature = plan.features[index.value];
           if (!feature.unless_alerted_by) continue;
           feature.unless_alerted_by.reset();
           return true;
         }
         return false;
       }},
      {"out-of-orderness",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         if (rule.pattern.empty() || rule.pattern.front().events().empty()) return false;
         cep::EventType& type =
             plan.event_types[rule.pattern.front().events().front().type.value];
         if (type.is_alert()) return false;
         type.bound = type.bound + kSecond;
         return true;
       }},
      {"repeats",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         if (rule.pattern.empty() || rule.pattern.front().events().empty()) return false;
         cep::EventType& type =
             plan.event_types[rule.pattern.front().events().front().type.value];
         if (type.is_alert() || !type.id_field) return false;
         if (type.unique) {
           type.unique.reset();
         } else {
           type.unique.emplace();
         }
         return true;
       }},
      {"severity",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (!rule.severity || rule.severity->op == Op::kLiteral) return false;
         rule.severity = nullptr;
         return true;
       }},
      {"message",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         rule.message.push_back({"more", nullptr});
         return true;
       }},
      {"feature's window",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         const std::vector<cep::FeatureIndex> read = rules::features_of(plan, rule);
         if (read.empty()) return false;
         cep::FeatureWindow& window = plan.features[read.front().value].window;
         return std::visit(
             [](auto& range) {
               if constexpr (requires { range.duration; }) {
                 range.duration = range.duration + kSecond;
                 return true;
               }
               if constexpr (requires { range.gap; }) {
                 range.gap = range.gap + kSecond;
                 return true;
               }
               if constexpr (requires { range.within; }) {
                 if (range.within) {
                   range.within = *range.within + kSecond;
                   return true;
                 }
               }
               if constexpr (requires { range.events; }) {
                 ++range.events;
                 return true;
               }
               return false;
             },
             window.range);
       }},
      {"feature's own event",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         const std::vector<cep::FeatureIndex> read = rules::features_of(plan, rule);
         if (read.empty()) return false;
         const cep::FeatureWindow window = plan.features[read.front().value].window;
         auto& range = plan.features[read.front().value].window.range;
         if (const auto* const last = window.as<cep::LastWindow>()) {
           range = cep::PreviousWindow{last->duration, last->every};
         } else if (const auto* const previous = window.as<cep::PreviousWindow>()) {
           range = cep::LastWindow{previous->duration, {}, previous->every};
         } else if (window.as<cep::EverWindow>() != nullptr) {
           range = cep::PreviousEverWindow();
         } else if (const auto* const events = window.as<cep::LastEventsWindow>()) {
           range = cep::PreviousEventsWindow{events->events, {}, events->where};
         } else {
           return false;
         }
         return true;
       }},
      {"feature's filter",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         for (const cep::FeatureIndex index : rules::features_of(plan, rule)) {
           cep::Feature& feature = plan.features[index.value];
           if (!feature.where) continue;
           feature.where = nullptr;
           return true;
         }
         return false;
       }},
      {"feature's needs",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         const std::vector<cep::FeatureIndex> read = rules::features_of(plan, rule);
         if (read.empty()) return false;
         std::optional<std::uint32_t>& needs = plan.features[read.front().value].window.needs;
         needs = needs.value_or(1) + 1;
         return true;
       }},
  };
  return kChanges;
}
}  // namespace

TEST_CASE("explain: a rule that means something else is said otherwise") {
  std::map<std::string, std::size_t> tried;
  const std::size_t cases = for_all_seeds("RULES", 400, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    const std::size_t chosen = random.below(plan.rules.size());
    const std::string before = explained_text(plan, cep::RuleIndex(chosen));
    for (const auto& entry : changes()) {
      const std::string& name = entry.first;
      cep::Plan changed = plan;
      if (!entry.second(random, changed, changed.rules[chosen])) continue;
      if (cep::describe(changed) == cep::describe(plan)) continue;
      ++tried[name];
      CAPTURE(name);
      CAPTURE(before);
      CHECK(explained_text(changed, cep::RuleIndex(chosen)) != before);
    }
  });
  if (cases < 400) return;  // few seeds do not have all of them
  for (const auto& entry : changes()) {
    const std::string& name = entry.first;
    CAPTURE(name);
    CHECK(tried[name] > 0);
  }
}
}  // namespace tocsin::tests
