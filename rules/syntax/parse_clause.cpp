// The clauses of a rule, one function each.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/syntax/construct_start.h"
#include "rules/syntax/grammar.h"
#include "rules/syntax/keywords.h"
#include "rules/syntax/lexemes.h"
#include "rules/syntax/parse_calendar.h"
#include "rules/syntax/parse_foreign.h"
#include "rules/syntax/recovery.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
tree::KeyPart parse_key_part(ParseContext& p) {
  tree::KeyPart part;
  const SourceSpan begin = p.here();
  part.name = parse_declared_name(p, "the name of a field", true);
  if (p.now().is(TokenKind::kDot) && p.ahead().is(TokenKind::kName) && !p.panicking()) {
    const std::string field = p.ahead().text;
    const SourceSpan whole{begin.file, begin.begin, p.span(p.ahead()).end};
    p.remark(Code::kE0101, whole, "a key is a field that all events of the rule have",
             fmt::format("write `{}`", field), Edit{whole, field});
    p.take();
    part.name = parse_name(p, "the name of a field");
  }
  if (p.accept(TokenKind::kEqual)) parse_key_members(p, part);
  part.span = p.since(begin);
  return part;
}

void parse_by(ParseContext& p, tree::ByClause& clause) {
  const auto accept_separator = [&] {
    if (p.now().is("and") && !p.panicking()) {
      p.remark(Code::kE0117, p.here(), "the parts of a key are not joined by `and`", "write `,`",
               Edit{p.here(), ","});
      p.take();
      return true;
    }
    const bool name_follows = p.now().is(TokenKind::kName) && !p.now().line_start &&
                              !is_keyword(p.now().text) && p.ahead().kind == TokenKind::kName &&
                              is_keyword(p.ahead().text);
    if (name_follows && !p.panicking() && !clause.parts.empty() && !begins_clause(p)) {
      const SourceSpan place{p.last().file, p.last().end, p.last().end};
      p.remark(Code::kE0125, place, "a comma is missing",
               "the parts of a key are separated by commas", Edit{place, ","});
      return true;
    }
    return p.accept(TokenKind::kComma) && !comma_before_clause(p);
  };
  const bool paren = p.now().is(TokenKind::kParenOpen) && !p.panicking();
  if (paren) {
    p.remark(Code::kE0117, p.here(), "a key stands in no parentheses", "leave them out");
    p.take();
  }
  if (p.now().is("the") && p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text)) {
    const SourceSpan word{p.here().file, p.here().begin, p.span(p.ahead()).begin};
    p.remark(Code::kE0117, p.here(), "expected the name of a field, found `the`", "leave it out",
             Edit{word, ""});
    p.take();
  }
  if (p.now().is("when") && p.now().line_start && !p.panicking() &&
      p.ahead().is(TokenKind::kName) && !is_clause_keyword(p.ahead().text)) {
    p.fail_expected("the name of a field");
    if (!p.abandoned) p.calm();
    p.broken = true;
    return;
  }
  do {
    clause.parts.push_back(parse_key_part(p));
  } while (accept_separator());
  if (paren && p.now().is(TokenKind::kParenClose)) p.take();
}

void parse_without(ParseContext& p, tree::WithoutClause& clause) {
  clause.kinds = parse_kinds(p);
  clause.where = parse_where(p, &clause.where_span);
  if (p.accept("for")) {
    clause.for_span = p.last();
    clause.absent_for = parse_duration(p, true);
  }
}

// SQL says `skip past last row`.
bool is_foreign_row(ParseContext& p) {
  if (!p.now().is(TokenKind::kName) || lowered(p.now().text) != "row") return false;
  p.remark(Code::kE0117, p.here(), "events are no rows", "leave it out", Edit{p.here(), ""});
  return true;
}

void parse_after(ParseContext& p, tree::AfterClause& clause) {
  using tree::AfterMatch;
  if (!p.expect("match")) return;
  clause.keyword_span = p.since(clause.keyword_span);
  const SourceSpan begin = p.here();
  if (p.accept("no")) {
    clause.strategy = AfterMatch::kNoSkip;
    p.expect("skip");
  } else if (p.accept("consume")) {
    clause.strategy = AfterMatch::kConsume;
  } else if (p.accept("skip")) {
    if (p.accept("past")) {
      clause.strategy = AfterMatch::kSkipPastLast;
      p.expect("last");
      if (is_foreign_row(p)) p.take();
    } else if (p.accept("to")) {
      if (p.accept("next")) {
        clause.strategy = AfterMatch::kSkipToNext;
        if (is_foreign_row(p)) p.take();
      } else if (p.accept("first")) {
        clause.strategy = AfterMatch::kSkipToFirst;
        clause.var = parse_name(p, "the name of a step");
      } else if (p.accept("last")) {
        clause.strategy = AfterMatch::kSkipToLast;
        clause.var = parse_name(p, "the name of a step");
      } else {
        p.fail_expected();
      }
    } else {
      p.fail_expected();
    }
  } else {
    p.fail_expected();
  }
  clause.strategy_span = p.since(begin);
  if (p.accept("in")) {
    const SourceSpan in = p.last();
    p.expect("order");
    clause.in_order = p.since(in);
  }
}

void parse_except(ParseContext& p, tree::ExceptClause& clause) {
  if (auto reason = parse_string(p, "the reason in quotes")) clause.reason = std::move(*reason);
  p.expect("where");
  clause.where_span = p.last();
  clause.where = parse_expr(p);
  if (!p.accept("expires")) return;
  if (!p.now().is(TokenKind::kDate)) {
    p.fail_expected("a date such as `2027-01-01`");
    return;
  }
  clause.expires_span = p.here();
  const Token token = p.take();
  if (!token.bad) clause.expires = static_cast<std::int64_t>(token.value.number);
}

void parse_each(ParseContext& p, std::vector<tree::ExprPtr>& exprs, SourceSpan& span) {
  if (!p.accept("for")) return;
  span = p.last();
  if (!p.expect("each")) return;
  span = p.since(span);
  do {
    exprs.push_back(parse_expr(p));
  } while (p.accept(TokenKind::kComma) && !comma_before_clause(p));
}

void parse_once(ParseContext& p, tree::OnceClause& clause) {
  using tree::OnceForm;
  const SourceSpan begin = clause.keyword_span;
  if (p.accept("while")) {
    clause.keyword_span = p.since(begin);
    clause.form = OnceForm::kWhile;
    clause.condition = parse_expr(p);
  } else if (foreign_once(p) || p.accept("per")) {
    clause.keyword_span = p.since(begin);
    if (calendar_once(p, clause)) {
      // It is all read.
    } else if (p.now().is(TokenKind::kDuration) || p.now().is(TokenKind::kInt)) {
      clause.duration = parse_duration(p, true);
      zone_of_duration(p);
    } else if (begins_construct(p) || p.now().is(TokenKind::kBraceClose)) {
      p.note("a duration such as `1h`");
      p.fail_expected("the name of a step");
    } else {
      p.note("a duration such as `1h`");
      clause.form = OnceForm::kPerVariable;
      clause.var = parse_name(p, "the name of a step");
    }
  } else {
    p.fail_expected();
  }
  parse_each(p, clause.for_each, clause.for_each_span);
}

void parse_at_most(ParseContext& p, tree::AtMostClause& clause) {
  p.expect("most");
  clause.keyword_span = p.since(clause.keyword_span);
  if (auto count = parse_integer(p, "a whole number")) clause.count = std::move(*count);
  if (!foreign_once(p)) p.expect("per");
  if (auto literal = parse_duration(p)) clause.duration = std::move(*literal);
  parse_each(p, clause.for_each, clause.for_each_span);
}
}  // namespace

// Reads the clause that `keyword`, the current token, begins; false when it begins none.
bool parse_clause_by_name(ParseContext& p, tree::Rule& rule, std::string_view keyword) {
  using tree::ClauseKind;
  const SourceSpan begin = p.here();
  // Reads one clause into `place`, or past one that stands twice.
  const auto single = [&]<typename T>(std::optional<T>& place, ClauseKind kind, auto read) {
    T clause;
    clause.keyword_span = begin;
    p.guessed = p.failed_at == begin.begin;
    p.take();
    p.skip_doubled(keyword);
    p.last_root.reset();
    p.rule.in_when = kind == ClauseKind::kWhen;
    const bool broken_before = std::exchange(p.broken, false);
    if (p.now().is(TokenKind::kColon)) {
      p.remark(Code::kE0117, p.here(), fmt::format("no `:` stands behind `{}`", keyword),
               "leave it out", Edit{p.here(), ""});
      p.take();
    }
    read(clause);
    clause.span = p.since(begin);
    const bool first_broken =
        std::ranges::find(p.rule.broken_clauses, kind) != p.rule.broken_clauses.end();
    if (p.broken || p.panicking()) p.rule.broken_clauses.push_back(kind);
    p.broken = p.broken || broken_before;
    if (place && first_broken && !p.panicking()) {
      place = std::move(clause);
    } else if (place) {
      Diagnostic diagnostic;
      diagnostic.code = Code::kE0118;
      diagnostic.message = fmt::format("a second `{}` in one rule", keyword);
      diagnostic.primary.span = clause.keyword_span;
      diagnostic.labels.push_back({place->keyword_span, "the first one"});
      if (keyword == "tags" || keyword == "references" || keyword == "falsepositives" ||
          keyword == "by") {
        diagnostic.helps.emplace_back("several stand in one clause, separated by commas");
      } else if (keyword == "when") {
        diagnostic.helps.emplace_back("several patterns in one rule stand in `one of { …, … }`");
      } else if (keyword == "having") {
        diagnostic.helps.emplace_back("join the conditions by `and`");
      }
      if (!p.panicking()) p.report(std::move(diagnostic));
    } else if (!p.panicking()) {
      place = std::move(clause);
      rule.order.push_back(kind);
    }
  };
  const auto text = [&](tree::StringClause& clause) {
    if (auto literal = parse_string(p, "a string")) clause.text = std::move(*literal);
  };
  if (keyword == "id") {
    single(rule.id, ClauseKind::kId,
           [&](tree::WordClause& c) { c.word = parse_word(p, "a name or a string"); });
  } else if (keyword == "description") {
    single(rule.description, ClauseKind::kDescription, text);
  } else if (keyword == "owner") {
    single(rule.owner, ClauseKind::kOwner, text);
  } else if (keyword == "severity") {
    single(rule.severity, ClauseKind::kSeverity,
           [&](tree::ExprClause& c) { c.expr = parse_expr(p); });
  } else if (keyword == "tags") {
    single(rule.tags, ClauseKind::kTags,
           [&](tree::WordsClause& c) { c.words = parse_words(p, "a tag"); });
  } else if (keyword == "references") {
    single(rule.references, ClauseKind::kReferences,
           [&](tree::StringsClause& c) { c.texts = parse_strings(p, "a string"); });
  } else if (keyword == "falsepositives") {
    single(rule.false_positives, ClauseKind::kFalsePositives,
           [&](tree::StringsClause& c) { c.texts = parse_strings(p, "a string"); });
  } else if (keyword == "status") {
    single(rule.status, ClauseKind::kStatus, [&](tree::StatusClause& c) {
      if (p.accept("draft")) {
        c.status = tree::StatusWord::kDraft;
      } else if (p.accept("internal")) {
        c.status = tree::StatusWord::kInternal;
      } else if (p.accept("shadow")) {
        c.status = tree::StatusWord::kShadow;
      } else if (p.accept("live")) {
        c.status = tree::StatusWord::kLive;
      } else {
        p.fail_expected({},
                        {"`live` alerts, `shadow` is tried out without alerts, `internal` feeds "
                         "other rules alone, `draft` does not run"});
      }
    });
  } else if (keyword == "by") {
    single(rule.by, ClauseKind::kBy, [&](tree::ByClause& c) { parse_by(p, c); });
  } else if (keyword == "when") {
    single(rule.when, ClauseKind::kWhen, [&](tree::WhenClause& c) {
      if (auto window = parse_event_window(p)) {
        c.what = std::move(*window);
      } else {
        c.what = parse_pattern(p);
      }
    });
  } else if (keyword == "within") {
    single(rule.within, ClauseKind::kWithin, [&](tree::DurationClause& c) {
      if (auto literal = parse_duration(p, true)) c.duration = std::move(*literal);
    });
  } else if (keyword == "having") {
    single(rule.having, ClauseKind::kHaving, [&](tree::ExprClause& c) { c.expr = parse_expr(p); });
  } else if (keyword == "considering") {
    single(rule.considering, ClauseKind::kConsidering,
           [&](tree::KindsClause& c) { c.kinds = parse_kinds(p); });
  } else if (keyword == "without") {
    single(rule.without, ClauseKind::kWithout,
           [&](tree::WithoutClause& c) { parse_without(p, c); });
  } else if (keyword == "after") {
    single(rule.after, ClauseKind::kAfter, [&](tree::AfterClause& c) { parse_after(p, c); });
  } else if (keyword == "prefer") {
    single(rule.prefer_latest, ClauseKind::kPrefer, [&](tree::Clause& c) {
      p.expect("latest");
      c.keyword_span = p.since(begin);
    });
  } else if (keyword == "except") {
    tree::ExceptClause clause;
    clause.keyword_span = begin;
    p.take();
    parse_except(p, clause);
    clause.span = p.since(begin);
    if (!p.panicking()) {
      rule.excepts.push_back(std::move(clause));
      rule.order.push_back(ClauseKind::kExcept);
    }
  } else if (keyword == "allow") {
    tree::AllowClause clause;
    clause.keyword_span = begin;
    p.take();
    parse_suppressed_warning(p, clause.warning, clause.reason);
    clause.span = p.since(begin);
    if (!p.panicking()) {
      rule.allows.push_back(std::move(clause));
      rule.order.push_back(ClauseKind::kAllow);
    }
  } else if (keyword == "once") {
    single(rule.once, ClauseKind::kOnce, [&](tree::OnceClause& c) { parse_once(p, c); });
  } else if (keyword == "at") {
    single(rule.at_most, ClauseKind::kAtMost, [&](tree::AtMostClause& c) { parse_at_most(p, c); });
  } else if (keyword == "alert") {
    single(rule.alert, ClauseKind::kAlert, [&](tree::AlertClause& c) { parse_alert(p, c); });
  } else {
    return false;
  }
  return true;
}

void parse_key_members(ParseContext& p, tree::KeyPart& part) {
  do {
    tree::KeyMember member;
    const SourceSpan from = p.here();
    member.kind = parse_kindref(p);
    p.expect(TokenKind::kDot);
    member.field = parse_name(p, "the name of a field");
    if (p.accept("as")) member.role = parse_name(p, "a name for the role");
    member.span = p.since(from);
    part.members.push_back(std::move(member));
    if (p.now().is("or") && !p.panicking()) {
      p.remark(Code::kE0101, p.here(), "expected `|`, found `or`",
               "the members of a key are joined by `|`", Edit{p.here(), "|"});
      p.take();
      continue;
    }
    if (!p.accept(TokenKind::kBar)) break;
  } while (!p.panicking());
}

void parse_suppressed_warning(ParseContext& p, tree::Name& warning, tree::StringLiteral& reason) {
  warning = parse_name(p, "the name of a warning");
  if (auto text = parse_string(p, "the reason in quotes")) reason = std::move(*text);
}
}  // namespace tocsin::rules
