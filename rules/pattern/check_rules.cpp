#include "rules/pattern/check_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "cep/compile/plan_support.h"
#include "cep/plan/expr_walk.h"
#include "rules/context/captured.h"
#include "rules/context/references.h"
#include "rules/context/report.h"
#include "rules/expression/alert_kinds.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_key.h"
#include "rules/expression/check_kinds.h"
#include "rules/lint/contradiction.h"
#include "rules/pattern/check_clauses.h"
#include "rules/pattern/check_pattern.h"
#include "rules/pattern/growth_check.h"
#include "rules/pattern/no_effect.h"
#include "rules/pattern/unreachable_step.h"

namespace tocsin::rules {
namespace {
std::vector<std::string> texts_of(const std::optional<tree::StringsClause>& clause) {
  std::vector<std::string> texts;
  if (!clause) return texts;
  for (const tree::StringLiteral& text : clause->texts) texts.push_back(text.text);
  return texts;
}

cep::Status status_of(tree::StatusWord word) {
  switch (word) {
    case tree::StatusWord::kDraft:
      return cep::Status::kDraft;
    case tree::StatusWord::kInternal:
      return cep::Status::kInternal;
    case tree::StatusWord::kShadow:
      return cep::Status::kShadow;
    case tree::StatusWord::kLive:
      break;
  }
  return cep::Status::kLive;
}

class RuleChecker {
 public:
  RuleChecker(CheckContext& context, const tree::Rule& tree) : context_(context), tree_(tree) {}

  // The rule; what is wrong with it has been reported.
  cep::Rule check() {
    check_metadata();
    if (tree_.by) declare_roles(context_, *tree_.by, scope_);
    draft_what();
    add_variables();
    collect_considered();
    scope_.key = &rule_.key;
    if (tree_.by) {
      check_key(context_, *tree_.by, pattern_.types, pattern_.types_broken, rule_.key, scope_);
    }
    check_bounds();
    check_conditions();
    if (!context_.sink.has_errors()) check_size();
    if (!pattern_.broken && !tree_.broken) warn();
    return std::move(rule_);
  }

 private:
  void report(Code code, SourceSpan span, std::string message, std::string help = {}) {
    Diagnostic diagnostic = make_diagnostic(code, span, std::move(message));
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  void check_metadata() {
    rule_.name = tree_.name.text;
    rule_.id = tree_.id ? tree_.id->word.text : tree_.name.text;
    rule_.title = tree_.title.text;
    if (tree_.description) rule_.description = tree_.description->text.text;
    if (tree_.owner) rule_.owner = tree_.owner->text.text;
    if (tree_.tags) {
      for (const tree::Word& word : tree_.tags->words) rule_.tags.push_back(word.text);
    }
    rule_.references = texts_of(tree_.references);
    rule_.false_positives = texts_of(tree_.false_positives);
    if (tree_.status) rule_.status = status_of(tree_.status->status);
    if (tree_.id && tree_.id->word.text.empty()) {
      report(Code::kE0401, tree_.id->word.span, "an empty `id`");
    }
  }

  // ---- what it looks for: the steps, and all kinds of events that it names
  void draft_what() {
    scope_.steps_incomplete = tree_.when_broken || (!tree_.when && tree_.broken);
    if (!tree_.when) {
      pattern_.types_broken = true;
      pattern_.broken = true;
      if (!tree_.broken) {
        report(Code::kE0401, tree_.name.span,
               fmt::format("the rule {} has no `when`", in_code(tree_.name.text)),
               "write what it looks for: `when payment where amount > 1000`");
      }
    } else if (const auto* window = std::get_if<tree::EventWindow>(&tree_.when->what)) {
      window_ = window;
      draft_window(*window);
    } else {
      pattern_ = draft_pattern(context_, std::get<tree::Pattern>(tree_.when->what), scope_);
    }
  }

  void draft_window(const tree::EventWindow& tree) {
    cep::ClosingWindow& window = rule_.window.emplace();
    if (tree.unit) {
      const ExprScope scope;
      const Checked zone = check_zone({context_, scope}, *tree.zone);
      window.span = cep::CalendarSpan{
          *tree.unit, zone ? std::string(literal_of(*zone.expr).text) : std::string()};
    } else {
      require_positive(context_, tree.duration, tree.session ? "gap" : "tumbling");
      if (tree.session) {
        window.span = cep::SessionSpan{tree.duration.value};
      } else {
        window.span = cep::TumblingSpan{tree.duration.value};
      }
    }
    const ResolvedKinds kinds = resolve_kinds(context_, tree.kinds, &scope_);
    window.events = kinds.subsets;
    add_types(kinds);
    add_considered(kinds);
    StepSymbol symbol;
    symbol.name = tree.as.text;
    symbol.span = tree.as.span;
    symbol.loop = true;
    scope_.step_by_name.emplace(symbol.name, scope_.steps.size());
    scope_.steps.push_back(std::move(symbol));
  }

  void add_variables() {
    for (const StepSymbol& step : scope_.steps) {
      cep::Variable variable{.name = std::string(step.name), .loop = step.loop};
      if (step.parent) variable.parent = scope_.steps[*step.parent].var;
      rule_.variables.push_back(std::move(variable));
    }
  }

  void collect_considered() {
    for_each_draft(pattern_.elements, [&](const ElementDraft& element) {
      if (const AbsenceDraft* const absence = element.absence()) add_considered(absence->kinds);
      const StepDraft* const step = element.step();
      if (step == nullptr) return;
      add_considered(step->kinds);
      add_considered(step->until);
    });
    last_types_ = last_types(pattern_.elements);
    if (tree_.without) {
      without_ = resolve_kinds(context_, tree_.without->kinds, &scope_);
      add_types(without_);
      add_considered(without_);
    }
    if (tree_.considering) {
      considering_ = resolve_kinds(context_, tree_.considering->kinds, &scope_);
      add_types(considering_);
      const std::size_t before = rule_.considered.size();
      add_considered(considering_);
      considering_adds_ = considering_.broken || rule_.considered.size() > before;
    }
    normalize(pattern_.types);
    if (window_ == nullptr) return;
    // What is considered is collected too.
    last_types_ = pattern_.types;
    scope_.steps.front().types = pattern_.types;
    scope_.steps.front().broken = pattern_.types_broken;
  }
  void add_types(const ResolvedKinds& kinds) {
    pattern_.types.insert(pattern_.types.end(), kinds.types.begin(), kinds.types.end());
    pattern_.types_broken = pattern_.types_broken || kinds.broken;
  }
  void add_considered(const ResolvedKinds& kinds) {
    for (const cep::Subset& subset : kinds.subsets) {
      const bool known = std::ranges::any_of(rule_.considered, [&](const cep::Subset& other) {
        return other.type == subset.type && other.condition == subset.condition &&
               other.name == subset.name && other.role == subset.role;
      });
      if (!known) rule_.considered.push_back(subset);
    }
  }

  // ---- its clauses
  void check_bounds() {
    if (tree_.within && require_positive(context_, tree_.within->duration, "within")) {
      rule_.within = scope_.within = tree_.within->duration.value;
    }
    if (window_ == nullptr) return;
    const auto refuse = [&](const tree::Clause& clause, const char* what) {
      report_conflict(context_, clause.keyword_span, fmt::format("{} beside a window", what),
                      window_->form_span, "the window defines its end and its contents",
                      "leave it out");
    };
    if (tree_.within) refuse(*tree_.within, "`within`");
    if (tree_.without) refuse(*tree_.without, "`without`");
    if (tree_.after) refuse(*tree_.after, "`after match`");
    if (tree_.prefer_latest) refuse(*tree_.prefer_latest, "`prefer latest`");
  }

  void check_conditions() {
    RuleDraft draft{.context = context_,
                    .tree = tree_,
                    .rule = rule_,
                    .scope = scope_,
                    .pattern = pattern_,
                    .is_window = window_ != nullptr,
                    .last_types = last_types_,
                    .last_types_known = !pattern_.types_broken,
                    .known = known_.all()};
    if (window_ == nullptr) {
      PatternBounds bounds;
      bounds.broken = tree_.broken;
      if (tree_.within) bounds.within = tree_.within->duration;
      bounds.without_for = tree_.without && tree_.without->absent_for;
      rule_.pattern = check_elements(context_, pattern_, scope_, bounds, known_);
      if (tree_.without) check_without(draft, without_);
      check_selection(draft);
    } else {
      rule_.window->where = check_match_condition(draft, window_->where.get());
    }
    if (tree_.having) rule_.having = check_match_condition(draft, tree_.having->expr.get());
    check_exceptions(draft);
    check_suppression(draft);
    check_alert(draft);
  }

  cep::ExprPtr check_match_condition(const RuleDraft& draft, const tree::Expr* tree) {
    if (tree == nullptr) return nullptr;
    const ExprScope scope = draft.match_scope();
    const Condition condition = check_condition({context_, scope}, *tree);
    draft.warn_of(scope, condition, Code::kE0441);
    return condition.expr();
  }

  // What the engine has no room for.
  void check_size() {
    if (window_ != nullptr || !tree_.when) return;
    for (std::string& problem : cep::oversized(rule_, {})) {
      report(Code::kE0433, std::get<tree::Pattern>(tree_.when->what).span, std::move(problem),
             "every step counts once for each step that may come before it: split the rule");
    }
  }

  // ---- what an analyst would regret
  void warn() {
    if (window_ == nullptr) {
      warn_of_state();
      if (!context_.has_error_type && check_reachable(context_, tree_, rule_, pattern_.elements)) {
        warn_of_no_effect(context_, tree_, rule_, pattern_.elements,
                          {considering_.subsets, considering_adds_});
        if (!context_.sink.has_errors()) {
          check_growth(context_, tree_, rule_, pattern_.elements);
        }
      }
    }
    if (!tree_.by) warn_without_key();
    warn_of_long_silence();
    warn_of_endless_quiet();
  }

  void warn_of_state() {
    const bool one_event =
        is_of_one_event(rule_.pattern) && !(rule_.without && rule_.without->absent_for);
    if (one_event && tree_.within) {
      Diagnostic diagnostic = make_diagnostic(Code::kW0004, tree_.within->span,
                                              "`within` on a rule of one event has no effect");
      diagnostic.helps.push_back("leave it out, or count: `count(payment) over last 10m >= 3`");
      context_.sink.report(std::move(diagnostic));
    }
    const bool bounded = tree_.within || (tree_.without && tree_.without->absent_for);
    if (!bounded && !ends_by_itself(rule_.pattern)) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kW0005, tree_.name.span,
                          fmt::format("the rule {} waits for ever", in_code(tree_.name.text)),
                          "what it has begun is never forgotten");
      diagnostic.helps.push_back("bound it in time: `within 1h`");
      context_.sink.report(std::move(diagnostic));
    }
  }

  void warn_without_key() {
    const bool waits = window_ != nullptr || !is_of_one_event(rule_.pattern) ||
                       (rule_.without && rule_.without->absent_for);
    const bool keeps_state = waits || references_of(tree_).aggregates_of_rule;
    const bool silences = tree_.once && tree_.once->for_each.empty() &&
                          tree_.once->form != tree::OnceForm::kPerVariable;
    if (!keeps_state && !silences) return;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0006, tree_.name.span,
                        fmt::format("the rule {} has no `by`", in_code(tree_.name.text)),
                        keeps_state ? "it mixes the events of all keys"
                                    : "one alert suppresses those of all others");
    if (!keeps_state) diagnostic.labels.push_back({tree_.once->keyword_span, "asks once for all"});
    diagnostic.helps.push_back("name the key whose events belong together: `by card`");
    context_.sink.report(std::move(diagnostic));
  }

  // `once per 30d` on a match of ten minutes: what comes in the weeks between is not told.
  void warn_of_long_silence() {
    constexpr std::int64_t kTimes = 100;
    constexpr cep::Duration kShort{std::int64_t{7} * 24 * 3600 * 1'000'000};
    if (rule_.suppression.kind() != cep::Once::kPerDuration || !tree_.once->duration) return;
    std::optional<cep::Duration> span = rule_.within;
    if (!span && rule_.without) span = rule_.without->absent_for;
    constexpr cep::Duration kLong{std::int64_t{180} * 24 * 3600 * 1'000'000};
    const cep::Duration silence = rule_.suppression.duration();
    const bool longer = span && silence > kShort && silence.us / kTimes > span->us;
    if (!longer && silence < kLong) return;
    std::string message =
        fmt::format("no second alert for {}", in_code(cep::format_duration(silence)));
    if (longer) {
      message += fmt::format(", on a match of less than {}", in_code(cep::format_duration(*span)));
    }
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0035, tree_.once->duration->span, std::move(message),
                        "what happens again before then is only counted");
    diagnostic.helps.push_back("with `once per 1d` a new case is reported again");
    context_.sink.report(std::move(diagnostic));
  }

  // `once while` on the event alone: no time that passes ends the quiet.
  void warn_of_endless_quiet() {
    const cep::Suppression& suppression = rule_.suppression;
    if (suppression.kind() != cep::Once::kWhile || !suppression.condition()) return;
    if (!cep::features_read({suppression.condition().get()}).empty()) return;
    Diagnostic diagnostic = make_diagnostic(Code::kW0005, tree_.once->span,
                                            "the quiet period never ends without an event",
                                            "who has had an alert is remembered until then");
    diagnostic.helps.push_back(
        "use a condition that time makes false, such as `count(payment) over last 1h >= 3`, or say "
        "how long it is quiet: `once per 1d`");
    context_.sink.report(std::move(diagnostic));
  }

  CheckContext& context_;
  const tree::Rule& tree_;
  cep::Rule rule_;
  RuleScope scope_;
  PatternDraft pattern_;  // its types: all that the rule names
  ResolvedKinds without_;
  ResolvedKinds considering_;
  const tree::EventWindow* window_ = nullptr;
  EventTypes last_types_;
  KnownConditions known_;  // of the events of a match
  bool considering_adds_ = true;
};

}  // namespace

// Ids name rules outside, so no two may be equal.
void check_ids(CheckContext& context, const std::vector<const tree::Rule*>& rules) {
  std::unordered_map<std::string_view, const tree::Rule*> by_id;
  const auto span_of = [](const tree::Rule& rule) {
    return rule.id ? rule.id->word.span : rule.name.span;
  };
  for (const tree::Rule* rule : rules) {
    const std::string_view id = rule->id ? rule->id->word.text : rule->name.text;
    if (id.empty()) continue;
    const auto [earlier, is_new] = by_id.emplace(id, rule);
    if (is_new || (!rule->id && !earlier->second->id))
      continue;  // equal names are reported as such
    Diagnostic diagnostic = make_diagnostic(Code::kE0218, span_of(*rule),
                                            fmt::format("two rules have the id {}", in_code(id)));
    diagnostic.labels.push_back({span_of(*earlier->second), "the first"});
    context.sink.report(std::move(diagnostic));
  }
}

void check_rule(CheckContext& context, const tree::Rule& tree) {
  const bool is_draft = tree.status && tree.status->status == tree::StatusWord::kDraft;
  context.reads_for_draft = is_draft;
  context.reads_for_shadow = tree.status && tree.status->status == tree::StatusWord::kShadow;
  const bool errors_before = std::exchange(context.has_error_type, false);
  context.features.begin_rule();
  cep::Rule rule = RuleChecker(context, tree).check();
  const bool right = !context.has_error_type && !tree.broken;
  context.has_error_type = context.has_error_type || errors_before;
  context.reads_for_draft = false;
  context.reads_for_shadow = false;
  const auto symbol = context.names.rules.find(tree.name.text);
  const bool own = symbol != context.names.rules.end() && symbol->second.tree == &tree;
  if (own && !context.names.rules_in_circles.contains(tree.name.text)) {
    complete_alert_type(context, tree, rule, right);
  }
  if (!own || !symbol->second.index) {
    context.features.take_back();
    return;
  }
  rule.captured = captured_fields(context.plan, rule);
  context.plan.rules[symbol->second.index->value] = std::move(rule);
}
}  // namespace tocsin::rules
