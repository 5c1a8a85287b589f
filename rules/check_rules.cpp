#include "rules/check_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "rules/captured.h"
#include "rules/check_expression.h"
#include "rules/check_key.h"
#include "rules/check_kinds.h"
#include "rules/check_pattern.h"
#include "rules/contradiction.h"
#include "rules/report.h"
#include "rules/types.h"

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

  // The rule, and whether all of it is right.
  cep::Rule check() {
    check_metadata();
    check_unavailable();
    check_pattern();
    check_match();
    check_suppression();
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

  // What the grammar knows and this version does not do.
  void check_unavailable() {
    if (tree_.without) {
      report_unavailable(context_, tree_.without->keyword_span, "without",
                         "`then no X then …` asks for absence between two steps");
    }
    if (tree_.prefer_latest)
      report_unavailable(context_, tree_.prefer_latest->keyword_span, "prefer latest");
    for (const tree::ExceptClause& except : tree_.excepts) {
      report_unavailable(context_, except.keyword_span, "except",
                         "a step's `where`, or `having`, can leave them out");
    }
    if (tree_.at_most)
      report_unavailable(context_, tree_.at_most->keyword_span, "at most",
                         "`once per D` holds alerts back");
    if (tree_.after) check_after(*tree_.after);
  }

  void check_after(const tree::AfterClause& after) {
    switch (after.strategy) {
      case tree::AfterMatch::kNoSkip:
        rule_.selection.kind = cep::SelectionKind::kNoSkip;
        break;
      case tree::AfterMatch::kSkipPastLast:
        rule_.selection.kind = cep::SelectionKind::kSkipPastLast;
        break;
      case tree::AfterMatch::kSkipToNext:
        return refuse_strategy(after, "skip to next");
      case tree::AfterMatch::kSkipToFirst:
        return refuse_strategy(after, "skip to first");
      case tree::AfterMatch::kSkipToLast:
        return refuse_strategy(after, "skip to last");
      case tree::AfterMatch::kConsume:
        return refuse_strategy(after, "consume");
    }
    if (after.in_order) report_unavailable(context_, *after.in_order, "in order");
  }
  void refuse_strategy(const tree::AfterClause& after, const char* what) {
    report_unavailable(context_, after.strategy_span, what,
                       "this version has `no skip` and `skip past last`");
  }

  // ---- the pattern and its key
  void check_pattern() {
    PatternDraft draft;
    if (!tree_.when) {
      draft.types_broken = true;
      draft.broken = true;
      if (!tree_.broken) {
        report(Code::kE0401, tree_.name.span,
               fmt::format("the rule {} has no `when`", in_code(tree_.name.text)),
               "say what it looks for: `when payment where amount > 1000`");
      }
    } else if (const auto* window = std::get_if<tree::EventWindow>(&tree_.when->what)) {
      report_unavailable(
          context_, window->form_span,
          window->session ? "session windows in `when`" : "tumbling windows in `when`");
      draft.types_broken = true;
      draft.broken = true;
      add_unknown_step(window->as);
    } else {
      draft = draft_pattern(context_, std::get<tree::Pattern>(tree_.when->what), scope_);
    }
    for (const StepSymbol& step : scope_.steps) {
      cep::Variable variable{.name = std::string(step.name), .loop = step.loop};
      if (step.parent) variable.parent = scope_.steps[*step.parent].var;
      rule_.variables.push_back(std::move(variable));
    }
    collect_considered(draft);
    check_key_of(draft);
    check_within();
    PatternBounds bounds;
    if (tree_.within) bounds.within = tree_.within->duration;
    rule_.pattern = check_elements(context_, draft, scope_, bounds);
    broken_ = draft.broken;
    last_types_ = last_types(draft.elements);
    last_types_known_ = !draft.types_broken;
    if (!broken_ && !tree_.broken) warn_of_state();
  }

  void add_unknown_step(const tree::Name& name) {
    StepSymbol symbol;
    symbol.name = name.text;
    symbol.span = name.span;
    symbol.broken = true;
    scope_.step_by_name.emplace(symbol.name, scope_.steps.size());
    scope_.steps.push_back(symbol);
  }

  void collect_considered(PatternDraft& draft) {
    for_each_draft(draft.elements, [&](const ElementDraft& element) {
      add_considered(element.kinds);
      add_considered(element.until);
    });
    if (!tree_.considering) return;
    const ResolvedKinds kinds = resolve_kinds(context_, tree_.considering->kinds);
    draft.types.insert(draft.types.end(), kinds.types.begin(), kinds.types.end());
    normalize(draft.types);
    draft.types_broken = draft.types_broken || kinds.broken;
    add_considered(kinds);
  }
  void add_considered(const ResolvedKinds& kinds) {
    for (const cep::Subset& subset : kinds.subsets) {
      const bool known = std::ranges::any_of(rule_.considered, [&](const cep::Subset& other) {
        return other.type == subset.type && other.condition == subset.condition &&
               other.name == subset.name;
      });
      if (!known) rule_.considered.push_back(subset);
    }
  }

  void check_key_of(const PatternDraft& draft) {
    scope_.key = &rule_.key;
    if (tree_.by)
      check_key(context_, *tree_.by, draft.types, draft.types_broken, rule_.key, scope_);
  }

  void check_within() {
    if (!tree_.within) return;
    if (require_positive(context_, tree_.within->duration, "within")) {
      rule_.within = tree_.within->duration.value;
    }
  }

  void warn_of_state() {
    const bool one_event = is_of_one_event(rule_.pattern);
    if (one_event && tree_.within) {
      Diagnostic diagnostic = make_diagnostic(Code::kW0004, tree_.within->span,
                                              "`within` on a rule of one event says nothing");
      diagnostic.helps.push_back("leave it out, or count: `count(payment) over last 10m >= 3`");
      context_.sink.report(std::move(diagnostic));
    }
    if (!tree_.within && !ends_by_itself(rule_.pattern)) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kW0005, tree_.name.span,
                          fmt::format("the rule {} waits for ever", in_code(tree_.name.text)),
                          "what it has begun is never forgotten");
      diagnostic.helps.push_back("bound it in time: `within 1h`");
      context_.sink.report(std::move(diagnostic));
    }
  }

  // ---- what is asked of a complete match, and the alert
  void check_match() {
    ExprScope scope;
    scope.place = Place::kMatch;
    scope.types = last_types_;
    scope.types_broken = !last_types_known_;
    scope.rule = &scope_;
    scope.steps_visible = scope_.steps.size();
    ExpressionChecker checker(context_, scope);
    if (tree_.having && tree_.having->expr) {
      const Condition having = checker.check_condition(*tree_.having->expr);
      if (!having.broken) warn_of_contradiction(context_, having.conjuncts, 0);
      rule_.having = having.expr();
    }
    if (tree_.severity && tree_.severity->expr) check_severity(checker, *tree_.severity->expr);
    check_alert(checker);
    if (!tree_.by && !tree_.broken && !broken_) warn_without_key();
  }

  void check_severity(ExpressionChecker& checker, const tree::Expr& tree) {
    const cep::Type severities = cep::severity_type();
    const Checked severity = checker.check(tree, &severities);
    if (!severity) return;
    if (!(severity.type() == severities)) {
      Diagnostic diagnostic = make_diagnostic(Code::kE0312, tree.span, "this is no severity",
                                              type_label(context_, severity));
      diagnostic.helps.push_back("a severity is `info`, `low`, `medium`, `high` or `critical`");
      context_.sink.report(std::move(diagnostic));
      return;
    }
    rule_.severity = severity.expr;
  }

  void check_alert(ExpressionChecker& checker) {
    if (!tree_.alert) {
      rule_.message.push_back({rule_.title, nullptr});  // nothing said: the title
      return;
    }
    for (const tree::MessagePart& part : tree_.alert->parts) {
      if (!part.expr) {
        if (!part.text.empty()) rule_.message.push_back({part.text, nullptr});
        continue;
      }
      if (Checked value = checker.check(*part.expr)) rule_.message.push_back({"", value.expr});
    }
    std::unordered_map<std::string_view, SourceSpan> seen;
    for (const tree::Record::Entry& entry : tree_.alert->fields.entries) {
      const std::string& name = entry.name.text;
      const auto [earlier, is_new] = seen.emplace(name, entry.name.span);
      if (!is_new) {
        Diagnostic diagnostic = make_diagnostic(Code::kE0215, entry.name.span,
                                                fmt::format("{} stands twice", in_code(name)));
        diagnostic.labels.push_back({earlier->second, "the first"});
        context_.sink.report(std::move(diagnostic));
        continue;
      }
      if (name == "severity" || name == "message" || name == "ts") {
        report(
            Code::kE0402, entry.name.span, fmt::format("every alert has its own {}", in_code(name)),
            name == "severity" ? "the clause `severity` sets it" : "give the field another name");
        continue;
      }
      if (!entry.value) continue;
      const Checked value = checker.check(*entry.value);
      if (!value) continue;
      if (name == "score" && !is_number(value.type())) {
        context_.sink.report(make_diagnostic(Code::kE0314, entry.value->span, "a score is a number",
                                             type_label(context_, value)));
        continue;
      }
      rule_.fields.push_back({name, value.expr});
    }
  }

  void warn_without_key() {
    if (is_of_one_event(rule_.pattern) && !reads_unnamed_feature(context_.features, rule_)) return;
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0006, tree_.name.span,
                        fmt::format("the rule {} has no `by`", in_code(tree_.name.text)),
                        "it mixes the events of all keys");
    diagnostic.helps.push_back("say whose events belong together: `by card`");
    context_.sink.report(std::move(diagnostic));
  }

  // ---- alerts that are held back
  void check_suppression() {
    if (!tree_.once) return;
    const tree::OnceClause& once = *tree_.once;
    if (!once.for_each.empty()) {
      report_unavailable(context_, once.for_each_span, "for each");
    }
    switch (once.form) {
      case tree::OnceForm::kPerDuration:
        if (once.duration && require_positive(context_, *once.duration, "once per")) {
          rule_.suppression.once = cep::Once::kPerDuration;
          rule_.suppression.duration = once.duration->value;
        }
        return;
      case tree::OnceForm::kPerDay:
        return report_unavailable(context_, once.keyword_span, "once per day");
      case tree::OnceForm::kPerVariable:
        return report_unavailable(context_, once.keyword_span, "once per VAR");
      case tree::OnceForm::kWhile:
        return report_unavailable(context_, once.keyword_span, "once while",
                                  "this version has `once per 1h`");
    }
  }

  CheckContext& context_;
  const tree::Rule& tree_;
  cep::Rule rule_;
  RuleScope scope_;
  bool broken_ = false;
  EventTypes last_types_;
  bool last_types_known_ = false;
};

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
}  // namespace

void check_rules(CheckContext& context, const std::vector<const tree::Rule*>& rules) {
  check_ids(context, rules);
  for (const tree::Rule* tree : rules) {
    context.features.begin_rule();
    cep::Rule rule = RuleChecker(context, *tree).check();
    const auto symbol = context.names.rules.find(tree->name.text);
    const bool own = symbol != context.names.rules.end() && symbol->second.tree == tree;
    if (rule.status == cep::Status::kDraft || !own) {
      context.features.take_back();
      continue;
    }
    rule.captured = captured_fields(context.plan, rule);
    symbol->second.index = cep::RuleIndex(context.plan.rules.size());
    context.plan.rules.push_back(std::move(rule));
  }
}
}  // namespace tocsin::rules
