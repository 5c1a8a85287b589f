// Rules: their clauses in the order in which they were written.
#include "cep/value/quoted.h"
#include "cep/value/time.h"
#include "rules/format/print.h"
#include "rules/format/print_parts.h"

namespace tocsin::rules {
using tree::ClauseKind;
using tree::ExprPtr;
namespace {
void print_each(TokenPrinter& p, const std::vector<ExprPtr>& exprs) {
  if (exprs.empty()) return;
  p.may_break();
  p.word("for each");
  p.comma_list(exprs, [&](const ExprPtr& part) { print_expr(p, *part); });
}

void print_after(TokenPrinter& p, const tree::AfterClause& clause) {
  p.word("after match");
  switch (clause.strategy) {
    case tree::AfterMatch::kNoSkip:
      p.marks("no skip");
      break;
    case tree::AfterMatch::kSkipPastLast:
      p.marks("skip past last");
      break;
    case tree::AfterMatch::kSkipToNext:
      p.marks("skip to next");
      break;
    case tree::AfterMatch::kSkipToFirst:
      p.word("skip to first");
      p.name(*clause.var);
      break;
    case tree::AfterMatch::kSkipToLast:
      p.word("skip to last");
      p.name(*clause.var);
      break;
    case tree::AfterMatch::kConsume:
      p.mark("consume");
      break;
  }
  if (!clause.in_order) return;
  p.blank();
  p.marks("in order");
}

void print_without(TokenPrinter& p, const tree::WithoutClause& clause) {
  p.word("without");
  print_kinds(p, clause.kinds.refs);
  print_where(p, clause.where);
  if (!clause.absent_for) return;
  p.may_break();
  p.word("for");
  p.duration(*clause.absent_for);
}

void print_except(TokenPrinter& p, const tree::ExceptClause& clause) {
  p.word("except");
  p.string(clause.reason);
  print_where(p, clause.where);
  if (!clause.expires) return;
  p.may_break();
  p.word("expires");
  p.leaf(cep::format_date(*clause.expires));
}

void print_once(TokenPrinter& p, const tree::OnceClause& clause) {
  p.word("once");
  switch (clause.form) {
    case tree::OnceForm::kPerDuration:
      p.word("per");
      p.duration(*clause.duration);
      break;
    case tree::OnceForm::kPerUnit:
      p.word("per");
      p.word(cep::unit_name(clause.unit));
      p.word("in");
      print_zone(p, *clause.zone);
      break;
    case tree::OnceForm::kPerVariable:
      p.word("per");
      p.name(*clause.var);
      break;
    case tree::OnceForm::kWhile:
      p.word("while");
      print_condition(p, *clause.condition);
      break;
  }
  print_each(p, clause.for_each);
}

void print_alert(TokenPrinter& p, const tree::AlertClause& clause) {
  p.word("alert");
  // Without a source the message is put together again, its expressions canonical too.
  std::string message;
  for (const tree::MessagePart& part : clause.parts) {
    if (p.has_source()) break;
    if (part.expr) {
      message += "{" + print(*part.expr) + "}";
      continue;
    }
    for (const char c : part.text) {
      message += c;
      if (c == '{' || c == '}') message += c;
    }
  }
  p.leaf(cep::quoted(message));
  // Braces that hold nothing stand where the author wrote them.
  if (clause.fields.entries.empty() && clause.fields.span.end == clause.fields.span.begin) return;
  p.blank();
  const std::size_t width = name_width(clause.fields.entries);
  p.entries(
      "{", "}", clause.fields.entries, Packing::kOnePerLine,
      [](const tree::Record::Entry& entry) { return entry.name.span.begin; },
      [&](const tree::Record::Entry& entry) {
        p.name(entry.name);
        p.word(":");
        p.layout().if_broken(fill(name_text(entry.name).size(), width));
        p.indented([&] { print_condition(p, *entry.value); });
      });
}

// `place`: of an `except` or `allow` among its like.
void print_clause(TokenPrinter& p, const tree::Rule& rule, ClauseKind kind, std::size_t place) {
  const auto strings = [&](std::string_view keyword, const tree::StringsClause& clause) {
    p.word(keyword);
    p.comma_list(clause.texts, [&](const tree::StringLiteral& each) { p.string(each); });
  };
  switch (kind) {
    case ClauseKind::kId:
      p.word("id");
      return p.name(rule.id->word);
    case ClauseKind::kDescription:
      p.word("description");
      return p.string(rule.description->text);
    case ClauseKind::kOwner:
      p.word("owner");
      return p.string(rule.owner->text);
    case ClauseKind::kSeverity:
      p.word("severity");
      return print_condition(p, *rule.severity->expr);
    case ClauseKind::kTags:
      p.word("tags");
      return p.comma_list(rule.tags->words, [&](const tree::Word& each) { p.name(each); });
    case ClauseKind::kReferences:
      return strings("references", *rule.references);
    case ClauseKind::kFalsePositives:
      return strings("falsepositives", *rule.false_positives);
    case ClauseKind::kStatus: {
      constexpr const char* kWords[] = {"draft", "internal", "shadow", "live"};
      p.word("status");
      return p.mark(kWords[static_cast<std::size_t>(rule.status->status)]);
    }
    case ClauseKind::kBy:
      p.word("by");
      return p.comma_list(rule.by->parts, [&](const tree::KeyPart& part) { print_key(p, part); });
    case ClauseKind::kWhen:
      p.word("when");
      if (const auto* window = std::get_if<tree::EventWindow>(&rule.when->what))
        return print_event_window(p, *window);
      return print_pattern(p, std::get<tree::Pattern>(rule.when->what));
    case ClauseKind::kWithin:
      p.word("within");
      return p.duration(rule.within->duration);
    case ClauseKind::kHaving:
      p.word("having");
      return print_condition(p, *rule.having->expr);
    case ClauseKind::kConsidering:
      p.word("considering");
      return print_kinds(p, rule.considering->kinds.refs);
    case ClauseKind::kWithout:
      return print_without(p, *rule.without);
    case ClauseKind::kAfter:
      return print_after(p, *rule.after);
    case ClauseKind::kPrefer:
      return p.marks("prefer latest");
    case ClauseKind::kExcept:
      return print_except(p, rule.excepts[place]);
    case ClauseKind::kOnce:
      return print_once(p, *rule.once);
    case ClauseKind::kAtMost:
      p.word("at most");
      p.integer(rule.at_most->count);
      p.blank();
      p.word("per");
      p.duration(rule.at_most->duration);
      return print_each(p, rule.at_most->for_each);
    case ClauseKind::kAllow:
      return print_allow(p, rule.allows[place].warning, rule.allows[place].reason);
    case ClauseKind::kAlert:
      return print_alert(p, *rule.alert);
  }
}
}  // namespace

void print_key(TokenPrinter& p, const tree::KeyPart& part) {
  p.name(part.name);
  if (part.members.empty()) return;
  p.blank();
  p.word("=");
  bool first = true;
  for (const tree::KeyMember& member : part.members) {
    if (!first) {
      p.may_break();
      p.word("|");
    }
    first = false;
    print_kind(p, member.kind);
    p.mark(".");
    p.name(member.field);
    if (!member.role) continue;
    p.blank();
    p.word("as");
    p.name(*member.role);
  }
}

void print_declaration(TokenPrinter& p, const tree::Rule& item) {
  p.word("rule");
  p.name(item.name);
  p.blank();
  p.string(item.title);
  p.blank();
  p.mark("{");
  std::size_t excepts = 0;
  std::size_t allows = 0;
  p.indented([&] {
    bool first = true;
    for (const ClauseKind kind : item.order) {
      p.layout().line_break(BreakForm::kAlways, first ? BreakRole::kFirst : BreakRole::kEntry);
      first = false;
      const std::size_t place = kind == ClauseKind::kAllow ? allows++ : excepts;
      // Brackets of these close under the clause's own word.
      if (kind == ClauseKind::kAlert || kind == ClauseKind::kWhen) {
        print_clause(p, item, kind, place);
      } else {
        p.indented([&] { print_clause(p, item, kind, place); });
      }
      if (kind == ClauseKind::kExcept) ++excepts;
    }
  });
  p.layout().line_break(BreakForm::kAlways, BreakRole::kClosing);
  p.mark("}");
}

void print_allow(TokenPrinter& p, const tree::Name& warning, const tree::StringLiteral& reason) {
  p.word("allow");
  p.name(warning);
  p.blank();
  p.string(reason);
}
}  // namespace tocsin::rules
