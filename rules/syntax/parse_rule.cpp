// Rules, clause by clause.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/syntax/parser_impl.h"
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
     "how long a match may take is `within 10m`; windows of events stand behind `when`"},
    {"priority", "severity", ""},
    {"labels", "tags", ""},
    {"author", "owner", ""},
    {"unless", "", "`without KINDS` stands in a rule, `then no KINDS for 5m` in a pattern"},
    {"sequence", "when", ""},
    {"with", "", "how long a match may take is `within 10m`"},
    {"pattern", "when", ""},
    {"events", "", "the pattern stands behind `when`: `when login then transfer`"},
    {"match", "", "the pattern stands behind `when`: `when login then transfer`"},
    {"match_recognize", "", "the pattern stands behind `when`: `when login then transfer`"},
    {"detection", "", "the pattern stands behind `when`: `when login then transfer`"},
    {"condition", "", "conditions stand behind the `where` of a step, or in `having`"},
    {"select", "", "a rule names its events behind `when`, and what it shows in `alert`"},
    {"from", "", "a rule names its events behind `when`"},
    {"insert", "", "an alert is an event already: another rule reads it as `alert NAME`"},
    {"output", "alert", ""},
    {"message", "alert", ""},
    {"outcome", "",
     "what an alert shows stands in its braces: `alert \"…\" { total: sum(p.amount) }`"},
    {"meta", "", "`description`, `owner`, `tags` and `references` are clauses of the rule"},
    {"metadata", "", "`description`, `owner`, `tags` and `references` are clauses of the rule"},
    {"group", "by", ""},
    {"partition", "by", ""},
    {"where", "", "a `where` stands behind a kind of events inside `when`"},
    {"filter", "", "a condition stands behind `where`, or in `having` for the complete match"},
    {"throttle", "once per", ""},
    {"define", "", "conditions stand behind the `where` of a step"},
    {"measures", "",
     "what an alert shows stands in its braces: `alert \"…\" { total: sum(p.amount) }`"},
    {"every", "", "every event may begin a match; `once per 1h` holds repeated alerts back"},
    {"then", "", "`then` stands between the steps behind `when`"},
    {"title", "", "the title stands behind the name of the rule"},
    {"if", "",
     "a condition stands behind the `where` of a step: `when payment where amount > 200`"},
    {"let", "", "a constant is declared outside of rules: `const LARGE = 200`"},
    {"const", "", "a constant is declared outside of rules: `const LARGE = 200`"},
    {"var", "", "a constant is declared outside of rules: `const LARGE = 200`"},
    {"do", "", "what happens then is said by `alert`"},
    {"trigger", "when", ""},
    {"limit", "", "`at most 3 per 1d` holds further alerts back"},
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
    {"score", "", "a score stands in the braces of the alert: `alert \"…\" { score: 50 }`"},
    {"risk", "", "a score stands in the braces of the alert: `alert \"…\" { score: 50 }`"},
    {"enabled", "",
     "`status live` alerts, `status shadow` is tried out, `status draft` does not run"},
    {"disabled", "",
     "`status live` alerts, `status shadow` is tried out, `status draft` does not run"},
    {"name", "", "the name stands behind `rule`, the title behind it"},
    {"raise", "alert", ""},
    {"emit", "alert", ""},
    {"print", "alert", ""},
    {"return", "", "what happens then is said by `alert`"},
    {"action", "", "what happens then is said by `alert`"},
    {"notify", "", "what happens then is said by `alert`; webhooks take its alerts from there"},
    {"key", "by", ""},
};
bool is_capitals(std::string_view word) {
  return std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool is_reserved(std::string_view word) {
  return word == "early" || word == "stream" || word == "on" || word == "model" ||
         word == "function";
}
}  // namespace

// `1,000`: digits are grouped by `_`, and the point is `.`.
bool Parser::comma_in_number() {
  const bool number = last_kind_ == TokenKind::kInt || last_kind_ == TokenKind::kDecimal;
  const Token& next = ahead();
  const bool joined = number && last_.end == here().begin && next.begin == now().end &&
                      (next.is(TokenKind::kInt) || next.is(TokenKind::kDecimal));
  if (!joined) return false;
  poison_last();
  fail(Code::kE0106, "a comma inside a number", "",
       {"digits are grouped by `_`, and the point is `.`: `1_000.50`"});
  return true;
}

tree::Rule Parser::rule() {
  tree::Rule made;
  begin(made);
  made.name = rule_name();
  if (!made.name.text.empty()) last_rule_ = made.name.text;
  if (now().is(TokenKind::kBraceOpen) && !panic_) {
    remark(Code::kE0101, here(), "expected a title in quotes, found `{`", "", std::nullopt,
           {fmt::format("say in a few words what it finds: `rule {} \"Large payments\" {{`",
                        made.name.text.empty() ? "large" : made.name.text)});
    broken_ = true;
  } else if (auto title = string("a title in quotes")) {
    made.title = std::move(*title);
  }
  if (panic_ && current().is(TokenKind::kBraceOpen)) panic_ = false;
  in_rule_ = true;
  suspect_.reset();
  const std::size_t outside = brackets();
  bool opened = false;
  bool colon_block = false;
  foreign_colon(colon_block);
  if (!panic_ && !colon_block) opened = open(TokenKind::kBraceOpen);
  if (panic_ && resume_brace()) opened = open(TokenKind::kBraceOpen);
  if (!opened) {
    // Only the brace is missing when clauses follow.
    panic_ = false;
    if (!resumes_here() || begins_declaration()) {
      in_rule_ = false;
      panic_ = true;
      return made;
    }
  }
  const std::size_t base = brackets();
  broken_clauses_.clear();
  in_when_ = false;
  bool broken = broken_;
  for (;;) {
    guessed_ = false;
    if (panic_) resume_clause(base);
    if (now().is(TokenKind::kBraceClose)) break;
    if (nested_declaration(made)) {
      broken = true;
      continue;
    }
    if (now().is(TokenKind::kEnd) || at_declaration() || (!opened && now().is("end"))) break;
    forget_brackets(base);  // what a clause left open has been reported
    broken_ = false;
    clause(made);
    if (!broken_ && !panic_) continue;
    broken = true;
    made.when_broken = made.when_broken || in_when_;
  }
  broken_ = broken_ || broken;
  if (opened && !accept(TokenKind::kBraceClose)) {
    // A `}` inside that closed less than its line says was this rule's: then an inner one is
    // missing.
    if (suspect_ && !open_.empty()) open_.back() = *suspect_;
    unclosed_block_ = at_declaration();
    unclosed(here());
  } else if (!opened && !accept(TokenKind::kBraceClose)) {
    if (now().is("end")) take();  // of languages that have no braces
  }
  forget_brackets(outside);
  in_rule_ = false;
  finish(made);
  return made;
}

void Parser::clause(tree::Rule& rule) {
  if (accept_semicolon()) return;
  const Token& token = now();
  if (token.is(TokenKind::kName)) {
    const std::string word = token.text;
    if (clause_by_name(rule, word)) return;
    return unknown_clause(rule);
  }
  if (token.is(TokenKind::kParenClose) || token.is(TokenKind::kBracketClose)) {
    remark(Code::kE0114, here(), fmt::format("this {} closes nothing", found(token)), "",
           Edit{here(), ""});
    take();
    return;
  }
  if (token.is(TokenKind::kComma) && comma_in_number()) return;
  if (skip_foreign_comment()) return;
  if (token.is(TokenKind::kComma)) {
    remark(Code::kE0125, here(), "a comma too many", "no commas stand between clauses",
           Edit{here(), ""});
    take();
    return;
  } else {
    poison_last();
    note("a clause");
    note("`}`");
    fail_expected();
  }
  panic_ = false;
  if (!now().is(TokenKind::kBraceOpen))
    skip_one();
  else
    take();
  panic_ = true;
}

// `before`: a word before it that goes with it.
void Parser::unknown_clause(tree::Rule& rule, std::optional<SourceSpan> before) {
  const SourceSpan span = here();
  const std::string word = now().text;
  const std::string small = lowered(word);
  if (is_reserved(small)) {
    fail(Code::kE0123, fmt::format("`{}` is reserved for later", word), "it has no meaning yet");
    panic_ = false;
    take();
    panic_ = true;
    return;
  }
  if (small == "sequence" && ahead().is("by")) {
    const SourceSpan both{span.file, span.begin, lexer_.span(ahead()).begin};
    remark(Code::kE0117, span, fmt::format("a rule has no clause `{}`", word), "leave it out",
           Edit{both, ""}, {"the key is the clause `by`, the pattern stands behind `when`"});
    take();
    return;
  }
  if (small == "with" && lowered(ahead().text) == "maxspan") {
    take();  // the word behind it is told
    return unknown_clause(rule, span);
  }
  if ((small == "in" || small == "during") && ahead().is(TokenKind::kDuration)) {
    remark(Code::kE0117, span, fmt::format("how long a match may take is not said by `{}`", word),
           "write `within`", Edit{span, "within"});
    now_->text = "within";
    clause_by_name(rule, "within");
    return;
  }
  // A word that the clause before could have gone on with.
  std::vector<std::string> words;
  for (const Expected& expected : expected_) {
    if (expected.word) words.emplace_back(expected.text);
  }
  std::optional<std::string> near = nearest(word, words);
  if (now().line_start) near.reset();
  const auto* foreign = std::ranges::find(kForeignClauses, small, &ForeignClause::written);
  if (!near && foreign != std::end(kForeignClauses)) {
    const bool by = (small == "group" || small == "partition") && lowered(ahead().text) == "by";
    const bool before_colon = ahead().is(TokenKind::kColon) || ahead().is(TokenKind::kEqual);
    SourceSpan whole = span;
    if (before) whole.begin = before->begin;
    if (by) whole.end = lexer_.span(ahead()).end;
    if (foreign->meant.empty() || (before_colon && small != "maxspan")) {
      std::string help = foreign->help;
      if (help.empty())
        help = fmt::format("the clause is `{}`, without a mark behind it", foreign->meant);
      fail(Code::kE0117, fmt::format("a rule has no clause `{}`", word), "", {std::move(help)});
      panic_ = false;
      take();
      if (now().is(TokenKind::kColon) || now().is(TokenKind::kEqual)) take();
      panic_ = true;
      return;
    }
    const std::string meant(foreign->meant);
    if (before_colon) whole.end = lexer_.span(ahead()).end;
    remark(Code::kE0117, whole, fmt::format("a rule has no clause `{}`", word),
           fmt::format("write `{}`", meant), Edit{whole, before_colon ? meant + " " : meant});
    if (by || before_colon) take();
    now_->text = meant.substr(0, meant.find(' '));  // read on as if the word stood there
    now_->kind = TokenKind::kName;
    if (meant == "once per") {
      broken_ = true;
      take();
      if (!now().is(TokenKind::kDuration)) {
        panic_ = true;
        return;
      }
      duration();
      return;
    }
    clause_by_name(rule, meant);
    return;
  }
  if (!near) near = nearest(word, clause_keywords());
  const bool is_clause =
      near && std::ranges::find(clause_keywords(), *near) != clause_keywords().end();
  if (near) {
    if (small == *near) {
      remark(Code::kE0117, span, fmt::format("`{}` begins no clause", word),
             fmt::format("write `{}` in small letters", *near), Edit{span, *near});
    } else {
      remark(Code::kE0119, span, fmt::format("`{}` begins no clause", word),
             fmt::format("did you mean `{}`?", *near), Edit{span, *near});
    }
    broken_ = true;
    if (is_clause) {
      now_->text = *near;
      clause_by_name(rule, *near);
      return;
    }
    take();
    panic_ = true;
    return;
  }
  if (!now().line_start && !expected_.empty()) {
    // More of the clause before than of a new one.
    poison_last();
    std::vector<std::string> helps;
    const bool currency = (last_kind_ == TokenKind::kInt || last_kind_ == TokenKind::kDecimal) &&
                          word.size() == 3 && is_capitals(word);
    if (currency) {
      helps.push_back(
          fmt::format("an amount has no currency: `amount > 200 and currency = \"{}\"`", word));
    }
    if (word == "for") {
      helps.emplace_back(
          "`for` belongs to an absence, `then no login for 5m`; a gap is `then within 5m payment`");
    }
    note("a clause");
    note("`}`");
    fail_expected({}, std::move(helps));
    panic_ = false;
    take();
    panic_ = true;
    return;
  }
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0119;
  diagnostic.message = fmt::format("`{}` begins no clause", word);
  diagnostic.primary.span = span;
  std::string clauses;
  for (const std::string& keyword : clause_keywords())
    clauses += (clauses.empty() ? "`" : ", `") + keyword + "`";
  diagnostic.helps.push_back("the clauses of a rule are " + clauses);
  report(std::move(diagnostic));
  broken_ = true;
  take();
  panic_ = true;
}

// Reads the clause that `keyword`, the current token, begins; false when it begins none.
bool Parser::clause_by_name(tree::Rule& rule, std::string_view keyword) {
  using tree::ClauseKind;
  const SourceSpan begin = here();
  // Reads one clause into `place`, or past one that stands twice.
  const auto single = [&]<typename T>(std::optional<T>& place, ClauseKind kind, auto read) {
    T clause;
    clause.keyword_span = begin;
    guessed_ = failed_at_ == begin.begin;
    take();
    skip_doubled(keyword);
    last_root_.reset();
    in_when_ = kind == ClauseKind::kWhen;
    const bool broken_before = std::exchange(broken_, false);
    if (now().is(TokenKind::kColon)) {
      remark(Code::kE0117, here(), fmt::format("no `:` stands behind `{}`", keyword),
             "leave it out", Edit{here(), ""});
      take();
    }
    read(clause);
    clause.span = since(begin);
    const bool first_broken = std::ranges::find(broken_clauses_, kind) != broken_clauses_.end();
    if (broken_ || panic_) broken_clauses_.push_back(kind);
    broken_ = broken_ || broken_before;
    if (place && first_broken && !panic_) {
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
      if (!panic_) report(std::move(diagnostic));
    } else if (!panic_) {
      place = std::move(clause);
      rule.order.push_back(kind);
    }
  };
  const auto text = [&](tree::StringClause& clause) {
    if (auto literal = string("a string")) clause.text = std::move(*literal);
  };
  if (keyword == "id") {
    single(rule.id, ClauseKind::kId,
           [&](tree::WordClause& c) { c.word = word("a name or a string"); });
  } else if (keyword == "description") {
    single(rule.description, ClauseKind::kDescription, text);
  } else if (keyword == "owner") {
    single(rule.owner, ClauseKind::kOwner, text);
  } else if (keyword == "severity") {
    single(rule.severity, ClauseKind::kSeverity, [&](tree::ExprClause& c) { c.expr = expr(); });
  } else if (keyword == "tags") {
    single(rule.tags, ClauseKind::kTags, [&](tree::WordsClause& c) { c.words = words("a tag"); });
  } else if (keyword == "references") {
    single(rule.references, ClauseKind::kReferences,
           [&](tree::StringsClause& c) { c.texts = strings("a string"); });
  } else if (keyword == "falsepositives") {
    single(rule.false_positives, ClauseKind::kFalsePositives,
           [&](tree::StringsClause& c) { c.texts = strings("a string"); });
  } else if (keyword == "status") {
    single(rule.status, ClauseKind::kStatus, [&](tree::StatusClause& c) {
      if (accept("draft")) {
        c.status = tree::StatusWord::kDraft;
      } else if (accept("internal")) {
        c.status = tree::StatusWord::kInternal;
      } else if (accept("shadow")) {
        c.status = tree::StatusWord::kShadow;
      } else if (accept("live")) {
        c.status = tree::StatusWord::kLive;
      } else {
        fail_expected({}, {"`live` alerts, `shadow` is tried out without alerts, `internal` feeds "
                           "other rules alone, `draft` does not run"});
      }
    });
  } else if (keyword == "by") {
    single(rule.by, ClauseKind::kBy, [&](tree::ByClause& c) { by(c); });
  } else if (keyword == "when") {
    single(rule.when, ClauseKind::kWhen, [&](tree::WhenClause& c) {
      if (auto window = event_window()) {
        c.what = std::move(*window);
      } else {
        c.what = pattern();
      }
    });
  } else if (keyword == "within") {
    single(rule.within, ClauseKind::kWithin, [&](tree::DurationClause& c) {
      if (auto literal = duration(true)) c.duration = std::move(*literal);
    });
  } else if (keyword == "having") {
    single(rule.having, ClauseKind::kHaving, [&](tree::ExprClause& c) { c.expr = expr(); });
  } else if (keyword == "considering") {
    single(rule.considering, ClauseKind::kConsidering,
           [&](tree::KindsClause& c) { c.kinds = kinds(); });
  } else if (keyword == "without") {
    single(rule.without, ClauseKind::kWithout, [&](tree::WithoutClause& c) { without(c); });
  } else if (keyword == "after") {
    single(rule.after, ClauseKind::kAfter, [&](tree::AfterClause& c) { after(c); });
  } else if (keyword == "prefer") {
    single(rule.prefer_latest, ClauseKind::kPrefer, [&](tree::Clause& c) {
      expect("latest");
      c.keyword_span = since(begin);
    });
  } else if (keyword == "except") {
    tree::ExceptClause clause;
    clause.keyword_span = begin;
    take();
    except(clause);
    clause.span = since(begin);
    if (!panic_) {
      rule.excepts.push_back(std::move(clause));
      rule.order.push_back(ClauseKind::kExcept);
    }
  } else if (keyword == "allow") {
    tree::AllowClause clause;
    clause.keyword_span = begin;
    take();
    suppressed_warning(clause);
    clause.span = since(begin);
    if (!panic_) {
      rule.allows.push_back(std::move(clause));
      rule.order.push_back(ClauseKind::kAllow);
    }
  } else if (keyword == "once") {
    single(rule.once, ClauseKind::kOnce, [&](tree::OnceClause& c) { once(c); });
  } else if (keyword == "at") {
    single(rule.at_most, ClauseKind::kAtMost, [&](tree::AtMostClause& c) { at_most(c); });
  } else if (keyword == "alert") {
    single(rule.alert, ClauseKind::kAlert, [&](tree::AlertClause& c) { alert(c); });
  } else {
    return false;
  }
  return true;
}
}  // namespace tocsin::rules
