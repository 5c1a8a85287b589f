#include "rules/expression/check_kinds.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/expression/alert_kinds.h"
#include "rules/expression/check_expression.h"
#include "rules/lint/contradiction.h"

namespace tocsin::rules {
namespace {
// Kinds of kinds multiply and lengthen; beyond this no analyst meant it.
constexpr std::size_t kAlternativesMax = 1000;
constexpr std::size_t kConjunctsMax = 1000;

KindSymbol* symbol_of(CheckContext& context, const tree::KindRef& ref) {
  if (ref.form == tree::KindForm::kAnyAlert) {
    return context.names.any_alert.event ? &context.names.any_alert : nullptr;
  }
  if (ref.form == tree::KindForm::kAlert) {
    const auto found = context.names.alert_kinds.find(ref.name.text);
    return found == context.names.alert_kinds.end() ? nullptr : &found->second;
  }
  const auto found = context.names.kinds.find(ref.name.text);
  return found == context.names.kinds.end() ? nullptr : &found->second;
}

bool is_plain_repeat(const std::vector<KindAlternative>& all, const KindAlternative& next) {
  return next.conjuncts.empty() && std::ranges::any_of(all, [&](const KindAlternative& other) {
           return other.type == next.type && other.conjuncts.empty();
         });
}

void report_too_large(CheckContext& context, const tree::Subset& subset, const char* what,
                      std::size_t limit) {
  context.sink.report(make_diagnostic(Code::kE0212, subset.span,
                                      fmt::format("a kind of more than {} {}", limit, what)));
}

// Adds what one `KINDREF where C` takes; the kinds that it names are resolved.
void add_subset(CheckContext& context, KindSymbol& symbol, const tree::Subset& subset) {
  const KindSymbol* base = find_kind(context, subset.kind);
  if (!base) {
    symbol.broken = true;
  } else {
    symbol.broken = symbol.broken || base->broken;
  }
  ExprScope scope;
  scope.place = Place::kKind;
  scope.types_broken = !base || base->broken;
  if (base) {
    for (const KindAlternative& alternative : base->alternatives)
      scope.types.push_back(alternative.type);
  }
  normalize(scope.types);
  Condition condition;
  if (subset.where) condition = check_condition({context, scope}, *subset.where);
  symbol.broken = symbol.broken || condition.broken;
  if (!base) return;
  std::vector<const KindAlternative*> alternatives;
  for (const KindAlternative& alternative : base->alternatives)
    alternatives.push_back(&alternative);
  if (subset.where && !condition.broken) {
    warn_of_condition(context, scope, {}, alternatives, condition.conjuncts);
  }
  for (const KindAlternative& alternative : base->alternatives) {
    KindAlternative next = alternative;
    next.conjuncts.insert(next.conjuncts.end(), condition.conjuncts.begin(),
                          condition.conjuncts.end());
    if (is_plain_repeat(symbol.alternatives, next)) continue;
    const bool too_many = symbol.alternatives.size() == kAlternativesMax;
    if (too_many || next.conjuncts.size() > kConjunctsMax) {
      if (base->broken) return;  // said where it began
      if (too_many) report_too_large(context, subset, "alternatives", kAlternativesMax);
      if (!too_many) report_too_large(context, subset, "conditions", kConjunctsMax);
      symbol.broken = true;
      return;
    }
    if (!condition.conjuncts.empty()) {
      next.condition = Condition{next.conjuncts, false}.expr();
    }
    symbol.alternatives.push_back(std::move(next));
  }
}

struct Pending {
  KindSymbol* symbol;
  std::size_t next = 0;  // the subset whose kind is looked at next
};

void report_circle(CheckContext& context, const std::vector<Pending>& path, KindSymbol* again) {
  const auto begin = std::ranges::find(path, again, &Pending::symbol);
  std::string way;
  for (auto step = begin; step != path.end(); ++step) {
    step->symbol->broken = true;
    way += step->symbol->name->text + " -> ";
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0211, again->name->span,
                      fmt::format("the kind {} is made of itself", in_code(again->name->text)));
  diagnostic.notes.push_back(way + again->name->text);
  context.sink.report(std::move(diagnostic));
}

// Depth first with a path of its own, so that a long chain of kinds needs no deep recursion.
void resolve(CheckContext& context, KindSymbol& first) {
  if (first.resolution != Resolution::kNotYet) return;
  std::vector<Pending> path = {{&first}};
  first.resolution = Resolution::kRunning;
  while (!path.empty()) {
    KindSymbol& symbol = *path.back().symbol;
    const std::size_t next = path.back().next++;
    if (next < symbol.kind->subsets.size()) {
      KindSymbol* base = symbol_of(context, symbol.kind->subsets[next].kind);
      if (!base || base->resolution == Resolution::kDone) continue;
      if (base->resolution == Resolution::kRunning) {
        if (!base->broken) report_circle(context, path, base);
        continue;
      }
      base->resolution = Resolution::kRunning;
      path.push_back({base});
      continue;
    }
    const bool in_circle = symbol.broken && !symbol.kind->broken;
    symbol.broken = symbol.broken || symbol.kind->broken;
    if (!in_circle) {
      for (const tree::Subset& subset : symbol.kind->subsets) add_subset(context, symbol, subset);
    }
    symbol.resolution = Resolution::kDone;
    path.pop_back();
  }
}
}  // namespace

void check_kinds(CheckContext& context, const std::vector<const tree::Kind*>& kinds) {
  for (const tree::Kind* kind : kinds) {
    const auto found = context.names.kinds.find(kind->name.text);
    if (found != context.names.kinds.end() && found->second.kind == kind) {
      resolve(context, found->second);
    }
  }
}

const KindSymbol* find_kind(CheckContext& context, const tree::KindRef& ref) {
  if (ref.form != tree::KindForm::kNamed) return find_alert_kind(context, ref);
  if (ref.name.text.empty()) return nullptr;
  if (const KindSymbol* symbol = symbol_of(context, ref)) {
    note_use(context, ref.name.span, symbol->name->span);
    return symbol;
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0202, ref.name.span,
                      fmt::format("no event type or kind is named {}", in_code(ref.name.text)));
  std::vector<std::string> candidates;
  if (context.suggestions_left > 0) {
    for (const auto& [name, symbol] : context.names.kinds) candidates.emplace_back(name);
    std::ranges::sort(candidates);
  }
  const bool near = suggest(context, diagnostic, ref.name.text, candidates);
  if (!near && context.names.incomplete) return nullptr;
  if (!near && candidates.empty()) {
    diagnostic.helps.push_back(
        "declare it, or bring in the file that does: `use \"schema.tocsin\"`");
  }
  context.sink.report(std::move(diagnostic));
  return nullptr;
}

const KindSymbol* look_up_kind(CheckContext& context, const tree::KindRef& ref) {
  return symbol_of(context, ref);
}

ResolvedKinds resolve_kinds(CheckContext& context, const tree::Kinds& kinds,
                            const RuleScope* rule) {
  ResolvedKinds resolved;
  if (kinds.refs.empty()) resolved.broken = true;
  for (const tree::KindRef& ref : kinds.refs) {
    const tree::KeyMember* role = nullptr;
    if (rule != nullptr && ref.form == tree::KindForm::kNamed) {
      const auto found = rule->roles.find(ref.name.text);
      if (found != rule->roles.end()) role = found->second;
    }
    if (role != nullptr) note_use(context, ref.name.span, role->role->span);
    // What is wrong with a role's kind is told where the key is checked.
    const KindSymbol* symbol =
        role != nullptr ? look_up_kind(context, role->kind) : find_kind(context, ref);
    if (!symbol) {
      resolved.broken = true;
      continue;
    }
    resolved.broken = resolved.broken || symbol->broken;
    for (const KindAlternative& alternative : symbol->alternatives) {
      const bool any = ref.form == tree::KindForm::kAnyAlert;
      cep::Subset subset{
          alternative.type, alternative.condition, any ? "alert" : ref.name.text, {}};
      if (role != nullptr) subset.role = ref.name.text;
      resolved.subsets.push_back(std::move(subset));
      resolved.alternatives.push_back(&alternative);
      resolved.types.push_back(alternative.type);
    }
  }
  normalize(resolved.types);
  return resolved;
}
}  // namespace tocsin::rules
