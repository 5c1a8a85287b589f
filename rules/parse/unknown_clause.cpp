// Words that begin no clause, and the clauses of other languages.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
// Clauses of other languages. `meant` replaces the word where that is all there is to do.
struct ForeignClause {
  std::string_view written;
  std::string_view meant;
  const char* help;
};
constexpr ForeignClause kForeignClauses[] = {
    {"maxspan", "within", ""},
    {"window", "",
     "how long a match may take is `within 10m`; windows of events are written after `when`"},
    {"priority", "severity", ""},
    {"labels", "tags", ""},
    {"author", "owner", ""},
    {"unless", "", "`without KINDS` is written in a rule, `then no KINDS for 5m` in a pattern"},
    {"sequence", "when", ""},
    {"with", "", "how long a match may take is `within 10m`"},
    {"pattern", "when", ""},
    {"events", "", "the pattern is written after `when`: `when login then transfer`"},
    {"match", "", "the pattern is written after `when`: `when login then transfer`"},
    {"match_recognize", "", "the pattern is written after `when`: `when login then transfer`"},
    {"detection", "", "the pattern is written after `when`: `when login then transfer`"},
    {"condition", "", "conditions are written after the `where` of a step, or in `having`"},
    {"select", "", "a rule names its events after `when`, and what it shows in `alert`"},
    {"from", "", "a rule names its events after `when`"},
    {"insert", "", "an alert is an event already: another rule reads it as `alert NAME`"},
    {"output", "alert", ""},
    {"message", "alert", ""},
    {"outcome", "",
     "the fields of an alert are written in its braces: `alert \"…\" { total: sum(p.amount) }`"},
    {"meta", "", "`description`, `owner`, `tags` and `references` are clauses of the rule"},
    {"metadata", "", "`description`, `owner`, `tags` and `references` are clauses of the rule"},
    {"group", "by", ""},
    {"partition", "by", ""},
    {"where", "", "a `where` is written after a kind of events inside `when`"},
    {"filter", "", "a condition is written after `where`, or in `having` for the complete match"},
    {"throttle", "once per", ""},
    {"define", "", "conditions are written after the `where` of a step"},
    {"measures", "",
     "the fields of an alert are written in its braces: `alert \"…\" { total: sum(p.amount) }`"},
    {"every", "", "every event may begin a match; `once per 1h` suppresses repeated alerts"},
    {"then", "", "`then` is written between the steps after `when`"},
    {"title", "", "the title is written after the name of the rule"},
    {"if", "",
     "a condition is written after the `where` of a step: `when payment where amount > 200`"},
    {"let", "", "a constant is declared outside of rules: `const LARGE = 200`"},
    {"const", "", "a constant is declared outside of rules: `const LARGE = 200`"},
    {"var", "", "a constant is declared outside of rules: `const LARGE = 200`"},
    {"do", "", "the clause `alert` describes the result"},
    {"trigger", "when", ""},
    {"limit", "", "`at most 3 per 1d` suppresses further alerts"},
    {"and", "", "conditions are joined by `and` on one `where`; steps by `then`"},
    {"order", "", "events come in the order of their time"},
    {"suppress", "once per", ""},
    {"cooldown", "once per", ""},
    {"dedup", "once per", ""},
    {"deduplicate", "once per", ""},
    {"mute", "once per", ""},
    {"snooze", "once per", ""},
    {"timeframe", "within", ""},
    {"timespan", "within", ""},
    {"timeout", "within", ""},
    {"score", "", "a score is written in the braces of the alert: `alert \"…\" { score: 50 }`"},
    {"risk", "", "a score is written in the braces of the alert: `alert \"…\" { score: 50 }`"},
    {"enabled", "",
     "`status live` alerts, `status shadow` is tried out, `status draft` does not run"},
    {"disabled", "",
     "`status live` alerts, `status shadow` is tried out, `status draft` does not run"},
    {"name", "", "the name is written after `rule`, the title after it"},
    {"raise", "alert", ""},
    {"emit", "alert", ""},
    {"print", "alert", ""},
    {"return", "", "the clause `alert` describes the result"},
    {"action", "", "the clause `alert` describes the result"},
    {"notify", "", "the clause `alert` describes the result; webhooks deliver its alerts"},
    {"key", "by", ""},
};
bool is_capitals(std::string_view word) {
  return std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool is_reserved(std::string_view word) {
  return word == "early" || word == "stream" || word == "on" || word == "model" ||
         word == "function";
}

void fail_foreign(ParseContext& p, const ForeignClause& foreign, std::string_view word) {
  std::string help = foreign.help;
  if (help.empty())
    help = fmt::format("the clause is `{}`, without a mark after it", foreign.meant);
  p.fail(Code::kE0117, fmt::format("a rule has no clause `{}`", word), "", {std::move(help)});
  p.calm();
  p.take();
  if (p.now().is(TokenKind::kColon) || p.now().is(TokenKind::kEqual)) p.take();
  p.panic();
}

// A clause of another language at the current token: read as what it means here.
void parse_foreign_clause(ParseContext& p, tree::Rule& rule, const ForeignClause& foreign,
                          std::optional<SourceSpan> before) {
  const std::string word = p.now().text;
  const std::string small = lowered(word);
  const bool by = (small == "group" || small == "partition") && lowered(p.ahead().text) == "by";
  const bool before_colon = p.ahead().is(TokenKind::kColon) || p.ahead().is(TokenKind::kEqual);
  SourceSpan whole = p.here();
  if (before) whole.begin = before->begin;
  if (by) whole.end = p.span(p.ahead()).end;
  if (foreign.meant.empty() || (before_colon && small != "maxspan")) {
    return fail_foreign(p, foreign, word);
  }
  const std::string meant(foreign.meant);
  if (before_colon) whole.end = p.span(p.ahead()).end;
  p.remark(Code::kE0117, whole, fmt::format("a rule has no clause `{}`", word),
           fmt::format("write `{}`", meant), Edit{whole, before_colon ? meant + " " : meant});
  if (by || before_colon) p.take();
  p.read_as(meant.substr(0, meant.find(' ')));
  p.read_as(TokenKind::kName);
  if (meant != "once per") {
    parse_clause_by_name(p, rule, meant);
    return;
  }
  p.broken = true;
  p.take();
  if (p.now().is(TokenKind::kDuration)) {
    parse_duration(p);
  } else {
    p.panic();
  }
}

// A word that nearly is `meant`, a clause or a word of the clause before.
void parse_misspelt_clause(ParseContext& p, tree::Rule& rule, const std::string& meant) {
  const std::string word = p.now().text;
  if (lowered(word) == meant) {
    p.remark(Code::kE0117, p.here(), fmt::format("`{}` begins no clause", word),
             fmt::format("write `{}` in small letters", meant), Edit{p.here(), meant});
  } else {
    p.remark(Code::kE0119, p.here(), fmt::format("`{}` begins no clause", word),
             fmt::format("did you mean `{}`?", meant), Edit{p.here(), meant});
  }
  p.broken = true;
  if (std::ranges::find(clause_keywords(), meant) != clause_keywords().end()) {
    p.read_as(meant);
    parse_clause_by_name(p, rule, meant);
    return;
  }
  p.take();
  p.panic();
}

// A word that is more of the clause before than of a new one.
void fail_clause_before(ParseContext& p) {
  const std::string word = p.now().text;
  poison_last(p);
  std::vector<std::string> helps;
  const bool currency =
      (p.last_kind() == TokenKind::kInt || p.last_kind() == TokenKind::kDecimal) &&
      word.size() == 3 && is_capitals(word);
  if (currency) {
    helps.push_back(
        fmt::format("an amount has no currency: `amount > 200 and currency = \"{}\"`", word));
  }
  if (word == "for") {
    helps.emplace_back(
        "`for` belongs to an absence, `then no login for 5m`; a gap is `then within 5m payment`");
  }
  p.note("a clause");
  p.note("`}`");
  p.fail_expected({}, std::move(helps));
  take_mistaken(p);
}

void report_no_clause(ParseContext& p) {
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0119;
  diagnostic.message = fmt::format("`{}` begins no clause", p.now().text);
  diagnostic.primary.span = p.here();
  std::string clauses;
  for (const std::string& keyword : clause_keywords())
    clauses += (clauses.empty() ? "`" : ", `") + keyword + "`";
  diagnostic.helps.push_back("the clauses of a rule are " + clauses);
  p.report(std::move(diagnostic));
  p.broken = true;
  p.take();
  p.panic();
}
}  // namespace

void unknown_clause(ParseContext& p, tree::Rule& rule, std::optional<SourceSpan> before) {
  const SourceSpan span = p.here();
  const std::string word = p.now().text;
  const std::string small = lowered(word);
  if (is_reserved(small)) {
    p.fail(Code::kE0123, fmt::format("`{}` is reserved for later", word), "it has no meaning yet");
    take_mistaken(p);
    return;
  }
  if (small == "sequence" && p.ahead().is("by")) {
    const SourceSpan both{span.file, span.begin, p.span(p.ahead()).begin};
    p.remark(Code::kE0117, span, fmt::format("a rule has no clause `{}`", word), "leave it out",
             Edit{both, ""}, {"the key is the clause `by`, the pattern is written after `when`"});
    p.take();
    return;
  }
  if (small == "with" && lowered(p.ahead().text) == "maxspan") {
    p.take();
    return unknown_clause(p, rule, span);
  }
  if ((small == "in" || small == "during") && p.ahead().is(TokenKind::kDuration)) {
    p.remark(Code::kE0117, span, fmt::format("`{}` does not give the length of a match", word),
             "write `within`", Edit{span, "within"});
    p.read_as("within");
    parse_clause_by_name(p, rule, "within");
    return;
  }
  // A word that the clause before could have gone on with.
  std::vector<std::string> words;
  for (const ExpectedToken& expected : p.expected()) {
    if (expected.word) words.emplace_back(expected.text);
  }
  std::optional<std::string> near = nearest(word, words);
  if (p.now().line_start) near.reset();
  const auto* foreign = std::ranges::find(kForeignClauses, small, &ForeignClause::written);
  if (!near && foreign != std::end(kForeignClauses)) {
    return parse_foreign_clause(p, rule, *foreign, before);
  }
  if (!near) near = nearest(word, clause_keywords());
  if (near) {
    parse_misspelt_clause(p, rule, *near);
  } else if (!p.now().line_start && !p.expected().empty()) {
    fail_clause_before(p);
  } else {
    report_no_clause(p);
  }
}
}  // namespace tocsin::rules
