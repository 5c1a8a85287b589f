// Rules: their block, one clause after the other.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "rules/parse/construct_start.h"
#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
// A name made of a title: `Large payments` is `large_payments`.
std::string name_of_title(std::string_view title) {
  constexpr std::size_t kLongest = 40;
  std::string name;
  for (const char c : title) {
    if (name.size() >= kLongest) break;
    if (in_name(c)) {
      name += lowered(c);
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || is_digit(name.front()) || is_keyword(name)) name.insert(0, "rule_");
  return name;
}

// `rule "Large payments" {` and `rule "large" "Large payments" {`.
tree::Name parse_rule_name(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kString))
    return parse_declared_name(p, "the name of the rule");
  const SourceSpan span = p.here();
  const std::string written = p.now().text;
  const std::string meant = is_plain_name(written) ? written : name_of_title(written);
  if (p.ahead().is(TokenKind::kString)) {
    p.remark(Code::kE0101, span, "the name of a rule is written without quotes",
             fmt::format("write `{}`", meant), Edit{span, meant});
    p.take();
  } else {
    p.remark(Code::kE0101, span, "a rule has a name before its title",
             fmt::format("write `{} \"…\"`", meant),
             Edit{{span.file, span.begin, span.begin}, meant + " "});
  }
  return {meant, span, false};
}

// `1,000`: digits are grouped by `_`, and the point is `.`.
bool comma_in_number(ParseContext& p) {
  const bool number = p.last_kind() == TokenKind::kInt || p.last_kind() == TokenKind::kDecimal;
  const Token& next = p.ahead();
  const bool joined = number && p.last().end == p.here().begin && next.begin == p.now().end &&
                      (next.is(TokenKind::kInt) || next.is(TokenKind::kDecimal));
  if (!joined) return false;
  poison_last(p);
  p.fail(Code::kE0106, "a comma inside a number", "",
         {"digits are grouped by `_`, and the point is `.`: `1_000.50`"});
  return true;
}

void parse_clause(ParseContext& p, tree::Rule& rule) {
  if (accept_semicolon(p)) return;
  const Token& token = p.now();
  if (token.is(TokenKind::kName)) {
    const std::string word = token.text;
    if (parse_clause_by_name(p, rule, word)) return;
    return unknown_clause(p, rule);
  }
  if (token.is(TokenKind::kParenClose) || token.is(TokenKind::kBracketClose)) {
    p.remark(Code::kE0114, p.here(), fmt::format("this {} closes nothing", p.found(token)), "",
             Edit{p.here(), ""});
    p.take();
    return;
  }
  if (token.is(TokenKind::kComma) && comma_in_number(p)) return;
  if (skip_foreign_comment(p)) return;
  if (token.is(TokenKind::kComma)) {
    p.remark(Code::kE0125, p.here(), "a comma too many", "no commas are written between clauses",
             Edit{p.here(), ""});
    p.take();
    return;
  } else {
    poison_last(p);
    p.note("a clause");
    p.note("`}`");
    p.fail_expected();
  }
  p.calm();
  if (!p.now().is(TokenKind::kBraceOpen))
    skip_one(p);
  else
    p.take();
  p.panic();
}

// `rule r "title":`, with or without a brace behind it. `colon_block`: without.
void foreign_colon(ParseContext& p, bool& colon_block) {
  if (p.panicking() || !p.now().is(TokenKind::kColon)) return;
  colon_block = !p.ahead().is(TokenKind::kBraceOpen);
  if (colon_block) {
    p.remark(Code::kE0117, p.here(), "the clauses of a rule are written in braces",
             "write `{`, and `}` after the last clause");
    p.broken = true;
  } else {
    p.remark(Code::kE0117, p.here(), "no `:` is written before `{`", "leave it out",
             Edit{p.here(), ""});
  }
  p.take();
}

// A list, a feature or a kind inside a rule that is not complete yet: it is read, and the rule goes
// on behind it.
bool nested_declaration(ParseContext& p, const tree::Rule& rule) {
  constexpr std::array<std::string_view, 6> kWords = {"feature", "features", "list",
                                                      "table",   "const",    "kind"};
  if (p.panicking() || rule.alert || !at_declaration(p) || !is_any_word(p.now(), kWords))
    return false;
  // One that stands as far left as the rule follows a rule of which the end is missing.
  const auto column = [&](std::uint32_t at) {
    const std::size_t line = p.text().substr(0, at).find_last_of("\r\n");
    return line == std::string_view::npos ? at : at - line - 1;
  };
  if (column(p.now().begin) <= column(rule.keyword_span.begin)) return false;
  const std::string word = p.now().text;
  p.remark(Code::kE0117, p.here(), fmt::format("`{}` cannot be written inside a rule", word),
           "declare it before the rule");
  const std::size_t base = p.brackets.count();
  const bool broken = p.broken;
  tree::File inner;
  p.inside.rule = false;
  parse_declaration_by_name(p, inner, word);
  p.inside.rule = true;
  p.brackets.forget(base);
  p.broken = broken || p.broken;
  if (p.panicking()) resume_clause(p, base);
  for (auto& item : inner.items) p.rule.nested.push_back(std::move(item));
  return true;
}
}  // namespace

tree::Rule parse_rule(ParseContext& p) {
  tree::Rule made;
  begin_declaration(p, made);
  made.name = parse_rule_name(p);
  if (!made.name.text.empty()) p.last_rule = made.name.text;
  if (p.now().is(TokenKind::kBraceOpen) && !p.panicking()) {
    p.remark(Code::kE0101, p.here(), "expected the rule's title in quotes, found `{`", "",
             std::nullopt,
             {fmt::format("write in a few words what it finds: `rule {} \"Large payments\" {{`",
                          made.name.text.empty() ? "large" : made.name.text)});
    p.broken = true;
  } else if (auto title = parse_string(p, "the rule's title in quotes")) {
    made.title = std::move(*title);
  }
  if (p.panicking() && p.current().is(TokenKind::kBraceOpen)) p.calm();
  p.inside.rule = true;
  p.brackets.forget_suspect();
  const std::size_t outside = p.brackets.count();
  bool opened = false;
  bool colon_block = false;
  foreign_colon(p, colon_block);
  if (!p.panicking() && !colon_block) opened = open_bracket(p, TokenKind::kBraceOpen);
  if (p.panicking() && resume_brace(p)) opened = open_bracket(p, TokenKind::kBraceOpen);
  if (!opened) {
    // Only the brace is missing when clauses follow.
    p.calm();
    if (!resumes_here(p) || begins_declaration(p)) {
      p.inside.rule = false;
      p.panic();
      return made;
    }
  }
  const std::size_t base = p.brackets.count();
  p.rule.broken_clauses.clear();
  p.rule.in_when = false;
  bool broken = p.broken;
  for (;;) {
    p.guessed = false;
    if (p.panicking()) resume_clause(p, base);
    if (p.now().is(TokenKind::kBraceClose)) break;
    if (nested_declaration(p, made)) {
      broken = true;
      continue;
    }
    if (p.now().is(TokenKind::kEnd) || at_declaration(p) || (!opened && p.now().is("end"))) break;
    p.brackets.forget(base);  // what a clause left open has been reported
    p.broken = false;
    parse_clause(p, made);
    if (!p.broken && !p.panicking()) continue;
    broken = true;
    made.when_broken = made.when_broken || p.rule.in_when;
  }
  p.broken = p.broken || broken;
  if (opened && !p.accept(TokenKind::kBraceClose)) {
    // A `}` inside that closed less than its line says was this rule's: then an inner one is
    // missing.
    p.brackets.blame_suspect();
    p.unclosed_block = at_declaration(p);
    report_unclosed(p, p.here());
  } else if (!opened && !p.accept(TokenKind::kBraceClose)) {
    if (p.now().is("end")) p.take();  // of languages that have no braces
  }
  p.brackets.forget(outside);
  p.inside.rule = false;
  finish_declaration(p, made);
  return made;
}
}  // namespace tocsin::rules
