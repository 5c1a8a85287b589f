// The clauses of a rule: the table of them, and a function for each.
#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "rules/parse/construct_start.h"
#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/parse_calendar.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
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
    p.remark(Code::kE0117, p.here(), "a key is written without parentheses", "leave them out");
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
  p.remark(Code::kE0117, p.here(), "events are not rows", "leave it out", Edit{p.here(), ""});
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

// ---- one function for each form of clause
void parse_id(ParseContext& p, tree::WordClause& clause) {
  clause.word = parse_word(p, "a name or a string");
}

void parse_text(ParseContext& p, tree::StringClause& clause) {
  if (auto literal = parse_string(p, "a string")) clause.text = std::move(*literal);
}

void parse_value(ParseContext& p, tree::ExprClause& clause) { clause.expr = parse_expr(p); }

void parse_tags(ParseContext& p, tree::WordsClause& clause) {
  clause.words = parse_words(p, "a tag");
}

void parse_texts(ParseContext& p, tree::StringsClause& clause) {
  clause.texts = parse_strings(p, "a string");
}

void parse_status(ParseContext& p, tree::StatusClause& clause) {
  if (p.accept("draft")) {
    clause.status = tree::StatusWord::kDraft;
  } else if (p.accept("internal")) {
    clause.status = tree::StatusWord::kInternal;
  } else if (p.accept("shadow")) {
    clause.status = tree::StatusWord::kShadow;
  } else if (p.accept("live")) {
    clause.status = tree::StatusWord::kLive;
  } else {
    p.fail_expected({}, {"`live` alerts, `shadow` is tried out without alerts, `internal` feeds "
                         "other rules alone, `draft` does not run"});
  }
}

void parse_when(ParseContext& p, tree::WhenClause& clause) {
  if (auto window = parse_event_window(p)) {
    clause.what = std::move(*window);
  } else {
    clause.what = parse_pattern(p);
  }
}

void parse_within(ParseContext& p, tree::DurationClause& clause) {
  if (auto literal = parse_duration(p, true)) clause.duration = std::move(*literal);
}

void parse_considering(ParseContext& p, tree::KindsClause& clause) {
  clause.kinds = parse_kinds(p);
}

void parse_prefer(ParseContext& p, tree::Clause& clause) {
  p.expect("latest");
  clause.keyword_span = p.since(clause.keyword_span);
}

void parse_allow_clause(ParseContext& p, tree::AllowClause& clause) {
  parse_suppressed_warning(p, clause.warning, clause.reason);
}

// ---- where a clause is kept
// What to write instead of a second clause of `keyword`; may be empty.
std::string_view help_for_second(std::string_view keyword) {
  if (keyword == "tags" || keyword == "references" || keyword == "falsepositives" ||
      keyword == "by") {
    return "several are written in one clause, separated by commas";
  }
  if (keyword == "when") return "several patterns in one rule are written in `one of { …, … }`";
  if (keyword == "having") return "join the conditions by `and`";
  return {};
}

void report_second(ParseContext& p, std::string_view keyword, SourceSpan second, SourceSpan first) {
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0118;
  diagnostic.message = fmt::format("a second `{}` in one rule", keyword);
  diagnostic.primary.span = second;
  diagnostic.labels.push_back({first, "the first one"});
  if (const std::string_view help = help_for_second(keyword); !help.empty()) {
    diagnostic.helps.emplace_back(help);
  }
  if (!p.panicking()) p.report(std::move(diagnostic));
}

// Reads a clause that stands once in a rule; a second one is read and reported.
template <auto kPlace, tree::ClauseKind kKind, auto kParse>
void parse_single(ParseContext& p, tree::Rule& rule, std::string_view keyword) {
  auto& place = rule.*kPlace;
  const SourceSpan begin = p.here();
  typename std::remove_reference_t<decltype(place)>::value_type clause;
  clause.keyword_span = begin;
  p.guessed = p.failed_at == begin.begin;
  p.take();
  p.skip_doubled(keyword);
  p.last_root.reset();
  p.rule.in_when = kKind == tree::ClauseKind::kWhen;
  const bool broken_before = std::exchange(p.broken, false);
  if (p.now().is(TokenKind::kColon)) {
    p.remark(Code::kE0117, p.here(), fmt::format("no `:` is written after `{}`", keyword),
             "leave it out", Edit{p.here(), ""});
    p.take();
  }
  kParse(p, clause);
  clause.span = p.since(begin);
  std::vector<tree::ClauseKind>& broken_clauses = p.rule.broken_clauses;
  const bool first_broken = std::ranges::find(broken_clauses, kKind) != broken_clauses.end();
  if (p.broken || p.panicking()) broken_clauses.push_back(kKind);
  p.broken = p.broken || broken_before;
  if (place && first_broken && !p.panicking()) {
    place = std::move(clause);
  } else if (place) {
    report_second(p, keyword, clause.keyword_span, place->keyword_span);
  } else if (!p.panicking()) {
    place = std::move(clause);
    rule.order.push_back(kKind);
  }
}

// Reads a clause of which a rule may have several.
template <auto kPlace, tree::ClauseKind kKind, auto kParse>
void parse_repeated(ParseContext& p, tree::Rule& rule, std::string_view /*keyword*/) {
  auto& place = rule.*kPlace;
  typename std::remove_reference_t<decltype(place)>::value_type clause;
  clause.keyword_span = p.here();
  p.take();
  const SourceSpan begin = clause.keyword_span;
  kParse(p, clause);
  clause.span = p.since(begin);
  if (p.panicking()) return;
  place.push_back(std::move(clause));
  rule.order.push_back(kKind);
}

struct ClauseForm {
  std::string_view keyword;
  void (*parse)(ParseContext& p, tree::Rule& rule, std::string_view keyword);
};
using tree::ClauseKind;
using tree::Rule;
constexpr ClauseForm kClauses[] = {
    {"id", parse_single<&Rule::id, ClauseKind::kId, parse_id>},
    {"description", parse_single<&Rule::description, ClauseKind::kDescription, parse_text>},
    {"owner", parse_single<&Rule::owner, ClauseKind::kOwner, parse_text>},
    {"severity", parse_single<&Rule::severity, ClauseKind::kSeverity, parse_value>},
    {"tags", parse_single<&Rule::tags, ClauseKind::kTags, parse_tags>},
    {"references", parse_single<&Rule::references, ClauseKind::kReferences, parse_texts>},
    {"falsepositives",
     parse_single<&Rule::false_positives, ClauseKind::kFalsePositives, parse_texts>},
    {"status", parse_single<&Rule::status, ClauseKind::kStatus, parse_status>},
    {"by", parse_single<&Rule::by, ClauseKind::kBy, parse_by>},
    {"when", parse_single<&Rule::when, ClauseKind::kWhen, parse_when>},
    {"within", parse_single<&Rule::within, ClauseKind::kWithin, parse_within>},
    {"having", parse_single<&Rule::having, ClauseKind::kHaving, parse_value>},
    {"considering", parse_single<&Rule::considering, ClauseKind::kConsidering, parse_considering>},
    {"without", parse_single<&Rule::without, ClauseKind::kWithout, parse_without>},
    {"after", parse_single<&Rule::after, ClauseKind::kAfter, parse_after>},
    {"prefer", parse_single<&Rule::prefer_latest, ClauseKind::kPrefer, parse_prefer>},
    {"except", parse_repeated<&Rule::excepts, ClauseKind::kExcept, parse_except>},
    {"allow", parse_repeated<&Rule::allows, ClauseKind::kAllow, parse_allow_clause>},
    {"once", parse_single<&Rule::once, ClauseKind::kOnce, parse_once>},
    {"at", parse_single<&Rule::at_most, ClauseKind::kAtMost, parse_at_most>},
    {"alert", parse_single<&Rule::alert, ClauseKind::kAlert, parse_alert>},
};
}  // namespace

bool parse_clause_by_name(ParseContext& p, tree::Rule& rule, std::string_view keyword) {
  const auto* form = std::ranges::find(kClauses, keyword, &ClauseForm::keyword);
  if (form == std::end(kClauses)) return false;
  form->parse(p, rule, keyword);
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
