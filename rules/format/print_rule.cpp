// Rules: their clauses in the order in which they were written.
#include "cep/value/quoted.h"
#include "cep/value/time.h"
#include "rules/format/print.h"
#include "rules/format/printer.h"

namespace tocsin::rules {
using tree::ClauseKind;
using tree::ExprPtr;

void Printer::key(const tree::KeyPart& part) {
  name(part.name);
  if (part.members.empty()) return;
  blank();
  word("=");
  bool first = true;
  for (const tree::KeyMember& member : part.members) {
    if (!first) {
      may_break();
      word("|");
    }
    first = false;
    kind(member.kind);
    mark(".");
    name(member.field);
    if (!member.role) continue;
    blank();
    word("as");
    name(*member.role);
  }
}

void Printer::each(const std::vector<ExprPtr>& exprs) {
  if (exprs.empty()) return;
  may_break();
  word("for each");
  comma_list(exprs, [this](const ExprPtr& part) { expr(*part); });
}

void Printer::after(const tree::AfterClause& clause) {
  word("after match");
  switch (clause.strategy) {
    case tree::AfterMatch::kNoSkip:
      marks("no skip");
      break;
    case tree::AfterMatch::kSkipPastLast:
      marks("skip past last");
      break;
    case tree::AfterMatch::kSkipToNext:
      marks("skip to next");
      break;
    case tree::AfterMatch::kSkipToFirst:
      word("skip to first");
      name(*clause.var);
      break;
    case tree::AfterMatch::kSkipToLast:
      word("skip to last");
      name(*clause.var);
      break;
    case tree::AfterMatch::kConsume:
      mark("consume");
      break;
  }
  if (!clause.in_order) return;
  blank();
  marks("in order");
}

void Printer::without(const tree::WithoutClause& clause) {
  word("without");
  kinds(clause.kinds.refs);
  where(clause.where);
  if (!clause.absent_for) return;
  may_break();
  word("for");
  duration(*clause.absent_for);
}

void Printer::except(const tree::ExceptClause& clause) {
  word("except");
  string(clause.reason);
  where(clause.where);
  if (!clause.expires) return;
  may_break();
  word("expires");
  leaf(cep::format_date(*clause.expires));
}

void Printer::once(const tree::OnceClause& clause) {
  word("once");
  switch (clause.form) {
    case tree::OnceForm::kPerDuration:
      word("per");
      duration(*clause.duration);
      break;
    case tree::OnceForm::kPerUnit:
      word("per");
      word(cep::unit_name(clause.unit));
      word("in");
      zone(*clause.zone);
      break;
    case tree::OnceForm::kPerVariable:
      word("per");
      name(*clause.var);
      break;
    case tree::OnceForm::kWhile:
      word("while");
      condition(*clause.condition);
      break;
  }
  each(clause.for_each);
}

void Printer::alert(const tree::AlertClause& clause) {
  word("alert");
  // Without a source the message is put together again, its expressions canonical too.
  std::string message;
  for (const tree::MessagePart& part : clause.parts) {
    if (source_ != nullptr) break;
    if (part.expr) {
      message += "{" + print(*part.expr) + "}";
      continue;
    }
    for (const char c : part.text) {
      message += c;
      if (c == '{' || c == '}') message += c;
    }
  }
  leaf(cep::quoted(message));
  // Braces that hold nothing stand where the author wrote them.
  if (clause.fields.entries.empty() && clause.fields.span.end == clause.fields.span.begin) return;
  blank();
  const std::size_t width = name_width(clause.fields.entries);
  entries(
      "{", "}", clause.fields.entries, Packing::kOnePerLine,
      [](const tree::Record::Entry& entry) { return entry.name.span.begin; },
      [&](const tree::Record::Entry& entry) {
        name(entry.name);
        word(":");
        layout_.if_broken(fill(name_text(entry.name).size(), width));
        indented([&] { condition(*entry.value); });
      });
}

// `place`: of an `except` or `allow` among its like.
void Printer::clause(const tree::Rule& rule, ClauseKind kind, std::size_t place) {
  const auto strings = [this](std::string_view keyword, const tree::StringsClause& clause) {
    word(keyword);
    comma_list(clause.texts, [this](const tree::StringLiteral& each) { string(each); });
  };
  switch (kind) {
    case ClauseKind::kId:
      word("id");
      return name(rule.id->word);
    case ClauseKind::kDescription:
      word("description");
      return string(rule.description->text);
    case ClauseKind::kOwner:
      word("owner");
      return string(rule.owner->text);
    case ClauseKind::kSeverity:
      word("severity");
      return condition(*rule.severity->expr);
    case ClauseKind::kTags:
      word("tags");
      return comma_list(rule.tags->words, [this](const tree::Word& each) { name(each); });
    case ClauseKind::kReferences:
      return strings("references", *rule.references);
    case ClauseKind::kFalsePositives:
      return strings("falsepositives", *rule.false_positives);
    case ClauseKind::kStatus: {
      constexpr const char* kWords[] = {"draft", "internal", "shadow", "live"};
      word("status");
      return mark(kWords[static_cast<std::size_t>(rule.status->status)]);
    }
    case ClauseKind::kBy:
      word("by");
      return comma_list(rule.by->parts, [this](const tree::KeyPart& part) { key(part); });
    case ClauseKind::kWhen:
      word("when");
      if (const auto* window = std::get_if<tree::EventWindow>(&rule.when->what))
        return event_window(*window);
      return pattern(std::get<tree::Pattern>(rule.when->what));
    case ClauseKind::kWithin:
      word("within");
      return duration(rule.within->duration);
    case ClauseKind::kHaving:
      word("having");
      return condition(*rule.having->expr);
    case ClauseKind::kConsidering:
      word("considering");
      return kinds(rule.considering->kinds.refs);
    case ClauseKind::kWithout:
      return without(*rule.without);
    case ClauseKind::kAfter:
      return after(*rule.after);
    case ClauseKind::kPrefer:
      return marks("prefer latest");
    case ClauseKind::kExcept:
      return this->except(rule.excepts[place]);
    case ClauseKind::kOnce:
      return once(*rule.once);
    case ClauseKind::kAtMost:
      word("at most");
      integer(rule.at_most->count);
      blank();
      word("per");
      duration(rule.at_most->duration);
      return each(rule.at_most->for_each);
    case ClauseKind::kAllow:
      return allow(rule.allows[place]);
    case ClauseKind::kAlert:
      return alert(*rule.alert);
  }
}

void Printer::declaration(const tree::Rule& item) {
  word("rule");
  name(item.name);
  blank();
  string(item.title);
  blank();
  mark("{");
  std::size_t excepts = 0;
  std::size_t allows = 0;
  indented([&] {
    bool first = true;
    for (const ClauseKind kind : item.order) {
      layout_.line_break(BreakForm::kAlways, first ? BreakRole::kFirst : BreakRole::kEntry);
      first = false;
      const std::size_t place = kind == ClauseKind::kAllow ? allows++ : excepts;
      // Brackets of these close under the clause's own word.
      if (kind == ClauseKind::kAlert || kind == ClauseKind::kWhen) {
        clause(item, kind, place);
      } else {
        indented([&] { clause(item, kind, place); });
      }
      if (kind == ClauseKind::kExcept) ++excepts;
    }
  });
  layout_.line_break(BreakForm::kAlways, BreakRole::kClosing);
  mark("}");
}
}  // namespace tocsin::rules
