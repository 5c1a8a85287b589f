// What an alert says: severity, message and fields.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "cep/plan/rule.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/pattern/check_clauses.h"

namespace tocsin::rules {
namespace {
class AlertChecker {
 public:
  AlertChecker(RuleDraft& draft, const ExprContext& c)
      : draft_(draft), context_(draft.context), expressions_(c) {}

  void severity(const tree::Expr& tree) {
    const cep::Type severities = cep::severity_type();
    const Checked severity = check_expr(expressions_, tree, &severities);
    if (!severity) return;
    if (!(severity.type() == severities)) {
      Diagnostic diagnostic = make_diagnostic(Code::kE0312, tree.span, "this is not a severity",
                                              type_label(context_, severity));
      diagnostic.helps.push_back("a severity is `info`, `low`, `medium`, `high` or `critical`");
      context_.sink.report(std::move(diagnostic));
      return;
    }
    draft_.rule.severity = severity.expr;
  }

  void message(const tree::AlertClause& alert) {
    for (const tree::MessagePart& part : alert.parts) {
      if (!part.expr) {
        if (!part.text.empty()) draft_.rule.message.push_back({part.text, nullptr});
        continue;
      }
      if (Checked value = check_expr(expressions_, *part.expr)) {
        draft_.rule.message.push_back({"", value.expr});
      }
    }
  }

  void fields(const tree::AlertClause& alert) {
    std::unordered_map<std::string_view, SourceSpan> seen;
    for (const tree::Record::Entry& entry : alert.fields.entries) {
      const auto [earlier, is_new] = seen.emplace(entry.name.text, entry.name.span);
      if (is_new) {
        field(entry);
        continue;
      }
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0215, entry.name.span, fmt::format("{} appears twice", in_code(entry.name.text)));
      diagnostic.labels.push_back({earlier->second, "the first"});
      context_.sink.report(std::move(diagnostic));
    }
  }

 private:
  void field(const tree::Record::Entry& entry) {
    const std::string& name = entry.name.text;
    if (is_own(entry.name)) return;
    if (!entry.value) return;
    const Checked value = check_expr(expressions_, *entry.value);
    if (!value) return;
    if (name == "score" && !is_number(value.type())) {
      context_.sink.report(make_diagnostic(Code::kE0314, entry.value->span, "a score is a number",
                                           type_label(context_, value)));
      return;
    }
    draft_.rule.fields.push_back({name, value.expr});
  }

  // Whether every alert of the rule has a value of this name already, reported.
  bool is_own(const tree::Name& name) {
    const bool of_all = name.text == "severity" || name.text == "message" || name.text == "ts";
    const bool of_key = std::ranges::find(draft_.rule.key.parts, name.text, &cep::KeyPart::name) !=
                        draft_.rule.key.parts.end();
    if (!of_all && !of_key) return false;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0402, name.span, fmt::format("every alert has its own {}", in_code(name.text)));
    diagnostic.helps.push_back(name.text == "severity" ? "the clause `severity` sets it"
                               : of_all                ? "give the field another name"
                                        : "it is the rule's key: leave the field out");
    context_.sink.report(std::move(diagnostic));
    return true;
  }

  RuleDraft& draft_;
  CheckContext& context_;
  const ExprContext& expressions_;
};
}  // namespace

void check_alert(RuleDraft& draft) {
  const ExprScope scope = draft.match_scope();
  const ExprContext c{draft.context, scope};
  AlertChecker alert(draft, c);
  const tree::Rule& tree = draft.tree;
  if (tree.severity && tree.severity->expr) alert.severity(*tree.severity->expr);
  if (!tree.alert) {
    draft.rule.message.push_back({draft.rule.title, nullptr});  // nothing said: the title
    return;
  }
  alert.message(*tree.alert);
  alert.fields(*tree.alert);
}
}  // namespace tocsin::rules
