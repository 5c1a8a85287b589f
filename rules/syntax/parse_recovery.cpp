// Brackets, and where to go on after a mistake.
#include <fmt/format.h>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
bool Parser::is_open(TokenKind opening, std::size_t base) const {
  for (std::size_t i = open_.size(); i > base; --i) {
    if (open_[i - 1].kind == opening) return true;
  }
  return false;
}

bool Parser::open(TokenKind kind) {
  if (!expect(kind)) return false;
  if (kind == TokenKind::kBraceOpen && now().is(kind)) {
    remark(Code::kE0101, here(), "this `{` stands twice", "leave one out", Edit{here(), ""});
    take();
    open_.pop_back();
  }
  return true;
}

// In a test: the next event or expectation, although a bracket is open.
bool Parser::begins_test_line() {
  if (!in_test_ || panic_ || !current().line_start) return false;
  const Token& next = ahead();
  if (current().is(TokenKind::kDuration)) {
    return next.is(TokenKind::kName) || next.is(TokenKind::kQuotedName);
  }
  if (current().is("expect")) return next.is("alert") || next.is("no");
  return current().is("until") && next.is(TokenKind::kDuration);
}

void Parser::skip_doubled(std::string_view word) {
  if (panic_ || word == "not" || !now().is(word) || now().line_start) return;
  const Token& next = ahead();
  const bool named = word == "rule" || word == "test" || word == "allow";
  if (named && next.is(TokenKind::kString)) return;  // a rule of this name
  const bool goes_on = next.is(TokenKind::kQuotedName) || is_literal(next.kind) ||
                       (next.is(TokenKind::kBraceOpen) && word == "of") ||
                       (next.is(TokenKind::kName) && !is_keyword(next.text));
  if (!goes_on || next.line_start) return;
  remark(Code::kE0101, here(), fmt::format("`{}` stands twice", word), "leave one out",
         Edit{here(), ""});
  take();
}

// A name or a literal directly behind the same one.
void Parser::skip_doubled_operand(const Token& token) {
  const bool name = token.is(TokenKind::kName) && !is_keyword(token.text) &&
                    !aggregate_named(token.text);  // `usual = avg avg`
  // Behind a duration the next line of a test may begin with one.
  const bool literal = is_literal(token.kind) && !token.is(TokenKind::kDuration);
  if ((!name && !literal) || token.bad) return;
  const Token& next = current();
  if (next.line_start || next.kind != token.kind || next.text != token.text || next.bad) return;
  remark(Code::kE0101, here(), fmt::format("{} stands twice", found(next)), "leave one out",
         Edit{here(), ""});
  now_.reset();
  if (!ahead_.empty()) {
    now_ = std::move(ahead_.front());
    ahead_.pop_front();
  }
}

void Parser::close(TokenKind kind) {
  if (panic_ || accept(kind)) return;
  const TokenKind opening = opening_of(now().kind);
  const bool closes_another = opening != TokenKind::kEnd && is_open(opening);
  if (closes_another || ends_block() || comma_ends_entry() || begins_test_line()) {
    unclosed(here());
  } else {
    poison_last();
    fail_expected();
  }
}

void Parser::unclosed(SourceSpan where) {
  if (panic_ || open_.empty()) return;
  const Bracket bracket = open_.back();
  open_.pop_back();
  broken_ = true;
  if (bracket.kind != TokenKind::kBraceOpen) poison_last();
  if (too_deep_) return;
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0113;
  const std::string_view mark = token_text(bracket.kind);
  diagnostic.message = fmt::format("this {} is never closed", mark);
  diagnostic.primary.span = lexer_.text().span(bracket.begin, bracket.begin + 1);
  const std::string_view closing = bracket.kind == TokenKind::kBraceOpen   ? "`}`"
                                   : bracket.kind == TokenKind::kParenOpen ? "`)`"
                                                                           : "`]`";
  if (current().is(TokenKind::kEnd)) {
    diagnostic.helps.push_back(
        fmt::format("{} ends without its {}", in_message_ ? "the message" : "the file", closing));
  } else {
    diagnostic.labels.push_back({where, fmt::format("its {} is missing before this", closing)});
  }
  report(std::move(diagnostic));
}

void Parser::forget_brackets(std::size_t count) {
  if (open_.size() > count) open_.resize(count);
}

// Skips a token; a `/` where an operand may stand begins a regular expression if one ends on its
// line.
void Parser::skip_one() {
  if (current().is(TokenKind::kSlash)) {
    const bool operand = last_kind_ == TokenKind::kParenOpen ||
                         last_kind_ == TokenKind::kBracketOpen || last_kind_ == TokenKind::kComma ||
                         last_kind_ == TokenKind::kEqual || last_kind_ == TokenKind::kColon ||
                         last_word_ == "matches" || last_word_ == "of";
    if (operand && lexer_.regex_ends(*now_)) now_ = lexer_.regex_from(*now_);
  }
  take();
}

bool Parser::begins_clause() {
  if (!in_rule_ || panic_ || !current().is(TokenKind::kName)) return false;
  const std::string& word = current().text;
  if (!is_clause_keyword(word)) return false;
  const std::string first = word;
  const Token& second = ahead();
  if (first == "within") {
    const bool inside = last_word_ == "then" || last_word_ == "next" || last_word_ == "first" ||
                        last_word_ == "events";
    return second.is(TokenKind::kDuration) && !inside;
  }
  if (first == "by" && last_word_ == "alerted") return false;
  if (first == "severity") return second.is(TokenKind::kName) && is_severity(second.text);
  if (first == "status") return second.is(TokenKind::kName) && is_status(second.text);
  if (first == "after") return second.is("match");
  if (first == "prefer") return second.is("latest");
  if (first == "once") return second.is("per") || second.is("while");
  if (first == "at") return second.is("most");
  if (first == "description" || first == "owner" || first == "references" ||
      first == "falsepositives" || first == "except" || first == "alert") {
    return second.is(TokenKind::kString);
  }
  if (first == "allow") {
    return second.is(TokenKind::kName) && !is_keyword(second.text) &&
           ahead(2).is(TokenKind::kString);
  }
  if (first == "when" && second.is(TokenKind::kInt)) return true;
  if ((first == "id" || first == "tags") && second.is(TokenKind::kString)) return true;
  // `id`, `tags`, `by`, `when`, `having`, `considering`, `without`: a name that goes on with no
  // expression.
  return second.is(TokenKind::kQuotedName) ||
         (second.is(TokenKind::kName) && !is_keyword(second.text));
}

bool Parser::begins_declaration() {
  if (panic_ || !current().is(TokenKind::kName) || !current().line_start) return false;
  if (!is_declaration_word()) return false;
  const std::string first = current().text;
  if (first == "allow" && in_rule_) return false;  // a clause
  const Token& second = ahead();
  if (first == "use") return second.is(TokenKind::kString);
  // In parentheses it may be what an aggregate is of.
  if (first == "features") return second.is("of") && !is_open(TokenKind::kParenOpen);
  return second.is(TokenKind::kQuotedName) ||
         (second.is(TokenKind::kName) && !is_keyword(second.text) &&
          !is_declaration_keyword(second.text));
}

bool Parser::resumes_here() {
  const Token& token = current();
  if (!token.is(TokenKind::kName) || !token.line_start) return begins_clause();
  const bool clause = in_rule_ && is_clause_keyword(token.text);
  const bool declaration = is_declaration_word();
  if (!clause && !declaration) return false;
  const Token& second = ahead();
  if (second.is(TokenKind::kName)) return !is_operator_word(second.text) || second.text == "not";
  return second.is(TokenKind::kQuotedName) || is_literal(second.kind) ||
         (clause && (second.is(TokenKind::kParenOpen) || second.is(TokenKind::kBang)));
}

bool Parser::ends_block() {
  return !panic_ &&
         (current().is(TokenKind::kEnd) || current().is(TokenKind::kBraceClose) || begins_anew());
}

bool Parser::resume_clause(std::size_t base) {
  const MistakeCounter::Quiet quiet(mistakes_);
  panic_ = false;
  for (;;) {
    if (current().is(TokenKind::kEnd)) return false;
    const bool closes =
        current().is(TokenKind::kBraceClose) && !is_open(TokenKind::kBraceOpen, base);
    // Inside brackets only a line's first word begins a clause.
    const bool outside = brackets() <= base || current().line_start;
    if (closes || (outside && resumes_here())) {
      forget_brackets(base);
      abandoned_ = false;
      return true;
    }
    skip_one();
  }
}

bool Parser::resume_entry(std::size_t base, TokenKind closing) {
  const MistakeCounter::Quiet quiet(mistakes_);
  panic_ = false;
  for (;;) {
    const Token& token = current();
    const bool outside = brackets() <= base;
    if (outside && (token.is(TokenKind::kComma) || token.is(closing))) return true;
    const TokenKind opening = opening_of(token.kind);
    const bool closes_another = opening != TokenKind::kEnd && !is_open(opening, base);
    if (closes_another || token.is(TokenKind::kEnd) || resumes_here()) {
      if (token.is(closing)) {  // brackets inside were left open
        forget_brackets(base);
        return true;
      }
      panic_ = true;
      return false;
    }
    skip_one();
  }
}

bool Parser::resume_then(std::size_t base) {
  const MistakeCounter::Quiet quiet(mistakes_);
  panic_ = false;
  for (;;) {
    const Token& token = current();
    if (brackets() <= base && token.is("then")) return true;
    const TokenKind opening = opening_of(token.kind);
    if ((opening != TokenKind::kEnd && !is_open(opening, base)) || token.is(TokenKind::kEnd) ||
        resumes_here() || (brackets() <= base && token.is(TokenKind::kComma))) {
      panic_ = true;
      return false;
    }
    skip_one();
  }
}

bool Parser::resume_brace() {
  const MistakeCounter::Quiet quiet(mistakes_);
  panic_ = false;
  for (;;) {
    const Token& token = current();
    if (token.is(TokenKind::kBraceOpen)) return true;
    if (token.is(TokenKind::kEnd) || token.is(TokenKind::kBraceClose) || resumes_here()) {
      panic_ = true;
      return false;
    }
    skip_one();
  }
}

void Parser::resume_declaration() {
  const MistakeCounter::Quiet quiet(mistakes_);
  panic_ = false;
  in_rule_ = false;
  while (!current().is(TokenKind::kEnd) && !(resumes_here() && current().line_start)) skip_one();
  open_.clear();
  abandoned_ = false;
}

void Parser::poison_last() {
  if (!last_root_) return;
  poisoned_.insert(*last_root_);
  last_root_.reset();
  broken_ = true;
}

bool Parser::at_entry() {
  const bool name = now().is(TokenKind::kName) || now().is(TokenKind::kQuotedName);
  return name && ahead().is(TokenKind::kColon);
}

bool Parser::comma_ends_entry() {
  if (!now().is(TokenKind::kComma) || !is_open(TokenKind::kBraceOpen)) return false;
  if (ahead().is(TokenKind::kBraceClose)) return true;
  const bool name = ahead().is(TokenKind::kName) || ahead().is(TokenKind::kQuotedName);
  return name && ahead(2).is(TokenKind::kColon);
}

bool Parser::accept_comma() { return !comma_ends_entry() && accept(TokenKind::kComma); }

bool Parser::accept_semicolon() {
  if (!now().is(TokenKind::kSemicolon)) return false;
  remark(Code::kE0117, here(), "no `;` ends a clause or a declaration", "leave it out",
         Edit{here(), ""});
  take();
  return true;
}

bool Parser::at_declaration() {
  const Token& token = now();
  return token.is(TokenKind::kName) && token.line_start && is_declaration_word() &&
         (token.text != "allow" || !in_rule_);
}

// A table's `key` and an event time's may begin a line as well.
bool Parser::is_declaration_word() {
  const std::string word = current().text;
  return is_declaration_keyword(word) && (word != "key" || ahead(2).is(TokenKind::kEqual));
}

}  // namespace tocsin::rules
