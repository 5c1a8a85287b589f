// Rules said back in plain English: the words of each sample pack, what everything in a plan is
// called, and that a plan that means something else is said otherwise.
#include "rules/explain.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/explain_words.h"
#include "rules/expression_text.h"
#include "rules/rules.h"
#include "tests/support/golden.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;
using rules::Passage;

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, "no such file");
  return std::string{std::istreambuf_iterator<char>(in), {}};
}
std::shared_ptr<const cep::Plan> plan_of(const std::string& path, const rules::ReadFile& read) {
  const rules::Loaded loaded = rules::load({path}, read);
  if (!loaded.rules) {
    std::string errors;
    for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
      errors += rules::render(loaded.sources, diagnostic);
    }
    FAIL(errors);
  }
  return loaded.rules->plan;
}
std::shared_ptr<const cep::Plan> plan_of_text(const std::string& text) {
  return plan_of("a.tocsin", [&](const std::string&) -> Result<std::string> { return text; });
}

void append(std::string& out, const std::vector<Passage>& passages, bool numbered, int depth) {
  int number = 0;
  for (const Passage& passage : passages) {
    const std::string mark = numbered ? fmt::format("{}.", ++number) : std::string("-");
    out += fmt::format("{:{}}{} {}\n", "", 2 * depth, mark, passage.text);
    append(out, passage.parts, passage.numbered, depth + 1);
  }
}
std::string text_of(const cep::Plan& plan, cep::RuleIndex index) {
  std::string out;
  for (const rules::ExplainedAspect& aspect : rules::explain(plan, index)) {
    out += aspect.heading + "\n";
    append(out, aspect.passages, aspect.numbered, 1);
  }
  return out;
}
std::string text_of(const cep::Plan& plan) {
  std::string out;
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    out += fmt::format("{}rule {}\n{}", i == 0 ? "" : "\n", plan.rules[i].name,
                       text_of(plan, cep::RuleIndex(i)));
  }
  return out;
}

// Sentences that no plan should give: holes where a word was to be.
void check_well_formed(const std::string& text) {
  CHECK(text.find("  -  ") == std::string::npos);
  CHECK(text.find("``") == std::string::npos);
  CHECK(text.find(" ,") == std::string::npos);
  CHECK(text.find("()") == std::string::npos);
  CHECK(text.find("where  ") == std::string::npos);
  CHECK(text.find(" is  ") == std::string::npos);
  CHECK(text.find(" of  ") == std::string::npos);
  std::size_t line_begin = 0;
  while (line_begin < text.size()) {
    const std::size_t end = text.find('\n', line_begin);
    const std::string line = text.substr(line_begin, end - line_begin);
    CAPTURE(line);
    CHECK(std::count(line.begin(), line.end(), '`') % 2 == 0);
    const bool says_something =
        line.empty() || line.find_first_not_of(" -0123456789.") != std::string::npos;
    CHECK(says_something);
    line_begin = end + 1;
  }
}
}  // namespace

TEST_CASE("explain: the sample packs, read aloud") {
  const fs::path root = TOCSIN_SOURCE_DIR;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "samples/rules")) {
    if (entry.path().extension() != ".tocsin") continue;
    const std::string stem = entry.path().stem().string();
    const std::shared_ptr<const cep::Plan> plan = plan_of(entry.path().string(), read_file);
    if (plan->rules.empty()) continue;
    const std::string text = text_of(*plan);
    check_well_formed(text);
    check_golden("explain/" + stem + ".txt", text);
  }
}

TEST_CASE("explain: every construct of the language, read aloud") {
  const Result<std::string> source =
      read_file(std::string(TOCSIN_SOURCE_DIR) + "/tests/golden/explain/constructs.tocsin");
  REQUIRE(source);
  const std::string text = text_of(*plan_of_text(*source));
  check_well_formed(text);
  check_golden("explain/constructs.txt", text);
}

namespace {
using Change = std::function<bool(Random&, cep::Plan&, cep::Rule&)>;
constexpr cep::Duration kSecond{1'000'000};

bool has_several_events(const cep::Rule& rule) {
  std::size_t steps = 0;
  bool repeats = false;
  walk_elements(rule.pattern, [&](const cep::Element& element) {
    if (element.kind == cep::ElementKind::kStep) ++steps;
    repeats = repeats || element.quantifier.max != 1U;
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

bool is_step(const cep::Element& element) { return element.kind == cep::ElementKind::kStep; }
bool is_absence(const cep::Element& element) { return element.kind == cep::ElementKind::kAbsence; }
bool is_loop(const cep::Element& element) {
  return is_step(element) && element.quantifier.loop && element.quantifier.max != 1U;
}
bool is_comparison(const cep::Expr& expr) {
  return expr.op >= cep::Op::kEqual && expr.op <= cep::Op::kGreaterEqual;
}

// Single changes of a rule's meaning, each of a part that has it.
const std::map<std::string, Change>& changes() {
  using cep::Contiguity;
  using cep::Element;
  using cep::Expr;
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
                             if (e.quantifier.max && random.chance(50)) {
                               ++*e.quantifier.max;
                             } else {
                               ++e.quantifier.min;
                               if (e.quantifier.max) ++*e.quantifier.max;
                             }
                           })},
      {"loop mode", of_element(is_loop,
                               [](Random& random, Element& e) {
                                 e.quantifier.mode = other_than(random, e.quantifier.mode, 3);
                               })},
      {"greedy", of_element(is_loop,
                            [](Random&, Element& e) { e.quantifier.greedy = !e.quantifier.greedy; })},
      {"optional",
       of_element([](const Element& e) { return !is_absence(e); },
                  [](Random&, Element& e) { e.optional = !e.optional; })},
      {"no next", of_element(is_absence, [](Random&, Element& e) { e.next = !e.next; })},
      {"absence's time",
       of_element([](const Element& e) { return is_absence(e) && e.absent_for && !e.next; },
                  [](Random&, Element& e) { e.absent_for = *e.absent_for + kSecond; })},
      {"until", of_element([](const Element& e) { return !e.until_events.empty(); },
                           [](Random&, Element& e) { e.until_events.clear(); })},
      {"condition", of_element([](const Element& e) { return e.where != nullptr; },
                               [](Random&, Element& e) { e.where = nullptr; })},
      {"kind",
       [](Random& random, cep::Plan& plan, cep::Rule& rule) {
         Element* const element =
             any_element(random, rule, [](const Element& e) { return !e.events.empty(); });
         if (element == nullptr) return false;
         const cep::EventTypeIndex type(random.below(plan.event_types.size()));
         const std::string& name = plan.event_types[type.value].name;
         for (const cep::Subset& kind : element->events) {
           if (kind.name == name) return false;
         }
         element->events = {{type, nullptr, name, {}}};
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
         if (rule.suppression.once != cep::Once::kPerDuration) return false;
         rule.suppression.duration = rule.suppression.duration + kSecond;
         return true;
       }},
      {"no once",
       [](Random&, cep::Plan&, cep::Rule& rule) {
         if (rule.suppression.once == cep::Once::kNone) return false;
         rule.suppression.once = cep::Once::kNone;
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
         if (rule.suppression.for_each.empty() || rule.suppression.once == cep::Once::kNone) {
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
         if (random.chance(50)) {
           rule.window->session = !rule.window->session;
         } else {
           rule.window->duration = rule.window->duration + kSecond;
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
           if (expr.op != Op::kKey || expr.key_part < rule.key.parts.size()) return;
           expr.op = Op::kField;
           expr.field.name = name;
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
             return e.op == Op::kLiteral && e.literal.view().kind == cep::ValueKind::kInt;
           },
           [](Random&, Expr& e) {
             e.literal = cep::OwnedValue(cep::Value::integer(e.literal.view().number + 1));
           })},
      {"first, last",
       of_expr([](const Expr& e) { return e.op == Op::kBound && e.which != cep::Which::kOnly; },
               [](Random&, Expr& e) {
                 e.which = e.which == cep::Which::kFirst ? cep::Which::kLast : cep::Which::kFirst;
               })},
      {"aggregate",
       of_expr(
           [](const Expr& e) {
             return e.op == Op::kAggregate && !e.args.empty() && e.args[0] != nullptr;
           },
           [](Random& random, Expr& e) { e.aggregate = other_than(random, e.aggregate, 6); })},
      {"feature's window",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         const std::vector<cep::FeatureIndex> read = rules::features_of(plan, rule);
         if (read.empty()) return false;
         cep::FeatureWindow& window = plan.features[read.front().value].window;
         if (window.duration) {
           window.duration = *window.duration + kSecond;
         } else if (window.events) {
           ++*window.events;
         } else {
           return false;
         }
         return true;
       }},
      {"feature's own event",
       [](Random&, cep::Plan& plan, cep::Rule& rule) {
         const std::vector<cep::FeatureIndex> read = rules::features_of(plan, rule);
         if (read.empty()) return false;
         cep::WindowKind& kind = plan.features[read.front().value].window.kind;
         switch (kind) {
           case cep::WindowKind::kLast:
             kind = cep::WindowKind::kPrevious;
             return true;
           case cep::WindowKind::kPrevious:
             kind = cep::WindowKind::kLast;
             return true;
           case cep::WindowKind::kEver:
             kind = cep::WindowKind::kPreviousEver;
             return true;
           case cep::WindowKind::kLastEvents:
             kind = cep::WindowKind::kPreviousEvents;
             return true;
           default:
             return false;
         }
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
    const std::string before = text_of(plan, cep::RuleIndex(chosen));
    for (const auto& [name, change] : changes()) {
      cep::Plan changed = plan;
      if (!change(random, changed, changed.rules[chosen])) continue;
      if (cep::describe(changed) == cep::describe(plan)) continue;
      ++tried[name];
      CAPTURE(name);
      CAPTURE(before);
      CHECK(text_of(changed, cep::RuleIndex(chosen)) != before);
    }
  });
  if (cases < 200) return;  // one seed alone has not all of them
  for (const auto& [name, change] : changes()) {
    CAPTURE(name);
    CHECK(tried[name] > 0);
  }
}

TEST_CASE("explain: a random plan is said whole, and always the same way") {
  for_all_seeds("RULES", 400, [](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      const cep::Rule& rule = plan.rules[i];
      const std::string text = text_of(plan, cep::RuleIndex(i));
      CAPTURE(text);
      check_well_formed(text);
      CHECK(text == text_of(plan, cep::RuleIndex(i)));
      const auto says = [&](const std::string& what) {
        CAPTURE(what);
        CHECK(text.find(what) != std::string::npos);
      };
      for (const cep::Variable& variable : rule.variables) {
        if (!variable.name.empty()) says(rules::in_code(variable.name));
      }
      for (const cep::KeyPart& part : rule.key.parts) says(rules::in_code(part.name));
      if (rule.within && !rule.window && rule.variables.size() > 1) {
        says(rules::duration_text(*rule.within));
      }
      walk_elements(rule.pattern, [&](const cep::Element& element) {
        if (element.events.empty()) return;
        const bool said = text.find(rules::kind_noun(plan, element.events)) != std::string::npos ||
                          text.find(rules::kind_plural(plan, element.events)) != std::string::npos;
        CHECK(said);
        if (element.gap) says(rules::duration_text(*element.gap));
      });
      walk(rule, [&](const cep::Expr& expr) {
        if (expr.op == cep::Op::kLiteral) says(rules::value_text(expr.literal.view()));
        if (expr.op == cep::Op::kFeature) {
          const cep::Feature& feature = plan.features[expr.feature.value];
          says(feature.name.starts_with('$') ? rules::feature_noun(plan, feature)
                                             : rules::in_code(feature.name));
        }
      });
    }
  });
}
}  // namespace tocsin::tests
