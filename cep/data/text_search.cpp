#include "cep/data/text_search.h"

#include <atomic>
#include <functional>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "cep/base/assert.h"
#include "cep/data/text_capture.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// A database that is made when it is first asked for, by whichever thread comes first.
class Lazy {
 public:
  Lazy() = default;
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;
  ~Lazy() { delete made_.load(); }

  Result<const TextDatabase*> prepare(std::vector<TextPattern> patterns, std::size_t bytes_max,
                                      TextDatabaseCache* cache) {
    if (const TextDatabase* made = made_.load(std::memory_order_acquire)) return made;
    Result<TextDatabase> compiled = TextDatabase::compile(std::move(patterns), bytes_max, cache);
    if (!compiled) return tl::unexpected(compiled.error());
    auto mine = std::make_unique<TextDatabase>(std::move(*compiled));
    const TextDatabase* expected = nullptr;
    if (made_.compare_exchange_strong(expected, mine.get())) return mine.release();
    return expected;
  }
  const TextDatabase* get() const { return made_.load(std::memory_order_acquire); }

 private:
  std::atomic<const TextDatabase*> made_{nullptr};
};

std::string regex_name(const RegexLiteral& regex) {
  std::string name = regex.ignore_case ? "i" : "-";
  name += regex.text;
  return name;
}

// A group of a regular expression, by value: compiling makes copies of expressions. Texts are the
// plan's.
struct CaptureGroup {
  std::string_view regex;
  bool ignore_case = false;
  std::uint32_t number = 0;
  friend auto operator<=>(const CaptureGroup&, const CaptureGroup&) = default;
};
CaptureGroup group_of(const Expr& expr) {
  const RegexLiteral& regex = *expr.as_validated<FunctionCall>().regex;
  const Value number = expr.args[1]->as_validated<LiteralValue>().value.view();
  return {regex.text, regex.ignore_case, static_cast<std::uint32_t>(number.number)};
}
// Rules are checked by their own limit; this is for plans that come from anywhere.
constexpr std::size_t kCaptureStepsMost = 100'000;

using VisitExpr = std::function<void(const Expr&)>;
void visit_optional(const ExprPtr& expr, const VisitExpr& visit) {
  if (expr) for_each_expr(*expr, visit);
}
void visit_subsets(const std::vector<Subset>& events, const VisitExpr& visit) {
  for (const Subset& subset : events) visit_optional(subset.condition, visit);
}
void visit_element(const Element& element, const VisitExpr& visit) {
  visit_subsets(element.events(), visit);
  visit_optional(element.where(), visit);
  visit_subsets(element.until_events(), visit);
  visit_optional(element.until_where(), visit);
  for (const Element& child : element.children()) visit_element(child, visit);
}
// What is asked of one event: atoms, as a rule.
void visit_conditions(const Plan& plan, const VisitExpr& visit) {
  for (const Feature& feature : plan.features) {
    visit_subsets(feature.events, visit);
    visit_optional(feature.window.where(), visit);
    visit_optional(feature.where, visit);
  }
  for (const Rule& rule : plan.rules) {
    for (const Element& element : rule.pattern) visit_element(element, visit);
    visit_subsets(rule.considered, visit);
    if (rule.without) {
      visit_subsets(rule.without->events, visit);
      visit_optional(rule.without->where, visit);
    }
    if (rule.window) {
      visit_subsets(rule.window->events, visit);
      visit_optional(rule.window->where, visit);
    }
  }
}
// All else.
void visit_values(const Plan& plan, const VisitExpr& visit) {
  for (const EventType& type : plan.event_types) {
    for (const Field& field : type.fields) visit_optional(field.computed, visit);
  }
  for (const Feature& feature : plan.features) {
    visit_optional(feature.argument, visit);
    visit_optional(feature.window.zone(), visit);
  }
  for (const Rule& rule : plan.rules) {
    visit_optional(rule.severity, visit);
    visit_optional(rule.having, visit);
    for (const Exception& exception : rule.exceptions) visit_optional(exception.condition, visit);
    const Suppression& suppression = rule.suppression;
    visit_optional(suppression.zone(), visit);
    visit_optional(suppression.condition(), visit);
    for (const ExprPtr& expr : suppression.for_each) visit_optional(expr, visit);
    if (suppression.at_most) {
      for (const ExprPtr& expr : suppression.at_most->for_each) visit_optional(expr, visit);
    }
    for (const MessagePart& part : rule.message) visit_optional(part.expr, visit);
    for (const AlertField& field : rule.fields) visit_optional(field.expr, visit);
  }
}
}  // namespace

std::vector<TextPattern> patterns_of(const List& list, bool places) {
  std::vector<TextPattern> patterns;
  patterns.reserve(list.values.size());
  for (std::size_t i = 0; i < list.values.size(); ++i) {
    TextPattern pattern;
    pattern.text = list.values[i].view().text;
    pattern.places = places;
    if (list.kind == ListKind::kText) pattern.kind = PatternKind::kPhrase;
    if (list.kind == ListKind::kRegex) pattern.kind = PatternKind::kRegex;
    pattern.ignore_case = i < list.ignore_case.size() && list.ignore_case[i];
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

struct TextSearch::Impl {
  const Plan* plan = nullptr;
  std::size_t bytes_max = 0;
  std::vector<std::unique_ptr<Lazy>> lists;   // whether there is a match
  std::vector<std::unique_ptr<Lazy>> places;  // where the matches are
  std::unordered_map<std::string, std::unique_ptr<Lazy>> regexes;
  std::map<CaptureGroup, TextCapture> captures;

  const TextDatabase& of_list(ListIndex list, bool with_places) const {
    Lazy& lazy = *(with_places ? places : lists)[list.value];
    if (const TextDatabase* made = lazy.get()) return *made;
    const List& of = plan->lists[list.value];
    const auto prepared =
        lazy.prepare(with_places ? patterns_of(of, true) : any_of(of), bytes_max, nullptr);
    TOCSIN_ASSERT(prepared.has_value(), "compile looked at every list that is searched for");
    return **prepared;
  }
  // For whether a list has a match. Where it is, or whether it is a word, all elements tell.
  static std::vector<TextPattern> any_of(const List& list) {
    return without_implied(patterns_of(list, false), false);
  }
  static std::vector<TextPattern> pattern_of(const RegexLiteral& regex) {
    TextPattern pattern;
    pattern.kind = PatternKind::kRegex;
    pattern.text = regex.text;
    pattern.ignore_case = regex.ignore_case;
    return {pattern};
  }
};

TextSearch::TextSearch() : impl_(std::make_shared<Impl>()) {}

Result<TextSearch> TextSearch::make(const Plan& plan, std::size_t bytes_max,
                                    TextDatabaseCache* cache) {
  TextSearch search;
  Impl& impl = *search.impl_;
  impl.plan = &plan;
  impl.bytes_max = bytes_max;
  for (std::size_t i = 0; i < plan.lists.size(); ++i) {
    impl.lists.push_back(std::make_unique<Lazy>());
    impl.places.push_back(std::make_unique<Lazy>());
  }
  std::optional<Error> error;
  const auto note = [&](const Result<const TextDatabase*>& prepared) {
    if (!prepared && !error) error = prepared.error();
  };
  const auto prepare = [&](const Expr& expr, bool now) {
    switch (expr.op) {
      case Op::kMatches: {
        const auto& regex = expr.as<RegexLiteral>();
        std::unique_ptr<Lazy>& lazy = impl.regexes[regex_name(regex)];
        if (!lazy) lazy = std::make_unique<Lazy>();
        if (now) note(lazy->prepare(Impl::pattern_of(regex), bytes_max, cache));
        break;
      }
      case Op::kMatchesAnyOf:
      case Op::kContainsAnyOf:
        if (now) {
          const std::size_t list = expr.as<ListLookup>().list.value;
          note(impl.lists[list]->prepare(Impl::any_of(plan.lists[list]), bytes_max, cache));
        }
        break;
      case Op::kContainsAnyWordOf:
      case Op::kMatched:
        // Where matches begin is the costly question: ask it now, so that none fails later.
        if (now || expr.op == Op::kMatched) {
          const std::size_t list = expr.as<ListLookup>().list.value;
          note(impl.places[list]->prepare(patterns_of(plan.lists[list], true), bytes_max, cache));
        }
        break;
      case Op::kCall: {
        if (function_of(expr) != Function::kCapture) break;
        const CaptureGroup group = group_of(expr);
        if (impl.captures.contains(group)) break;
        auto made =
            TextCapture::compile(group.regex, group.ignore_case, group.number, kCaptureStepsMost);
        if (made) {
          impl.captures.emplace(group, std::move(*made));
        } else if (!error) {
          error =
              Error{made.error().kind == RegexProblem::Kind::kTooCostly ? Errc::kLimit
                                                                        : Errc::kInvalidArgument,
                    made.error().message};
        }
        break;
      }
      default:
        break;
    }
  };
  visit_conditions(plan, [&](const Expr& expr) { prepare(expr, false); });
  visit_values(plan, [&](const Expr& expr) { prepare(expr, true); });
  if (error) return tl::unexpected(*error);
  return search;
}

bool TextSearch::has_any(ListIndex list, std::string_view text, bool word) const {
  bool found = false;
  impl_->of_list(list, word).scan(text, [&](const TextMatch& match) {
    found = !word || is_word(text, match.begin, match.end);
    return !found;
  });
  return found;
}

Value TextSearch::first_match(ListIndex list, std::string_view text) const {
  constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
  std::size_t begin = kNowhere;
  std::uint32_t first = 0;
  impl_->of_list(list, true).scan(text, [&](const TextMatch& match) {
    if (match.begin > begin || (match.begin == begin && match.pattern >= first)) return;
    begin = match.begin;
    first = match.pattern;
  });
  if (begin == kNowhere) return Value::missing();
  return impl_->plan->lists[list.value].values[first].view();
}

Value TextSearch::capture(const Expr& expr, std::span<const Value> args) const {
  const auto found = impl_->captures.find(group_of(expr));
  TOCSIN_ASSERT(found != impl_->captures.end(), "the plan's captures are all known");
  const std::optional<std::string_view> taken = found->second.find(args[0].text);
  return taken ? Value::string(*taken) : Value::missing();
}

bool TextSearch::matches(const Expr& expr, std::string_view text) const {
  const auto& regex = expr.as_validated<RegexLiteral>();
  const auto found = impl_->regexes.find(regex_name(regex));
  TOCSIN_ASSERT(found != impl_->regexes.end(), "the plan's regular expressions are all known");
  const auto prepared = found->second->prepare(Impl::pattern_of(regex), impl_->bytes_max, nullptr);
  TOCSIN_ASSERT(prepared.has_value(), "compile looked at every regular expression");
  bool matched = false;
  (*prepared)->scan(text, [&](const TextMatch&) {
    matched = true;
    return false;
  });
  return matched;
}
}  // namespace tocsin::cep
