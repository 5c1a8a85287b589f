#include "rules/parse/construct_start.h"

#include "rules/syntax/keywords.h"

namespace tocsin::rules {
namespace {
// A table's `key` and an event time's may begin a line as well.
bool is_declaration_word(TokenCursor& p) {
  const std::string word = p.current().text;
  return is_declaration_keyword(word) && (word != "key" || p.ahead(2).is(TokenKind::kEqual));
}
}  // namespace

bool begins_test_line(TokenCursor& p) {
  if (!p.inside.test || p.panicking() || !p.current().line_start) return false;
  const Token& next = p.ahead();
  if (p.current().is(TokenKind::kDuration)) {
    return next.is(TokenKind::kName) || next.is(TokenKind::kQuotedName);
  }
  if (p.current().is("expect")) return next.is("alert") || next.is("no");
  return p.current().is("until") && next.is(TokenKind::kDuration);
}

bool begins_clause(TokenCursor& p) {
  if (!p.inside.rule || p.panicking() || !p.current().is(TokenKind::kName)) return false;
  const std::string& word = p.current().text;
  if (!is_clause_keyword(word)) return false;
  const std::string first = word;
  const Token& second = p.ahead();
  if (first == "within") {
    const bool inside = p.last_word() == "then" || p.last_word() == "next" ||
                        p.last_word() == "first" || p.last_word() == "events";
    return second.is(TokenKind::kDuration) && !inside;
  }
  if (first == "by" && p.last_word() == "alerted") return false;
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
           p.ahead(2).is(TokenKind::kString);
  }
  if (first == "when" && second.is(TokenKind::kInt)) return true;
  if ((first == "id" || first == "tags") && second.is(TokenKind::kString)) return true;
  // `id`, `tags`, `by`, `when`, `having`, `considering`, `without`: a name that goes on with no
  // expression.
  return second.is(TokenKind::kQuotedName) ||
         (second.is(TokenKind::kName) && !is_keyword(second.text));
}

bool begins_declaration(TokenCursor& p) {
  if (p.panicking() || !p.current().is(TokenKind::kName) || !p.current().line_start) return false;
  if (!is_declaration_word(p)) return false;
  const std::string first = p.current().text;
  if (first == "allow" && p.inside.rule) return false;  // a clause
  const Token& second = p.ahead();
  if (first == "use") return second.is(TokenKind::kString);
  // In parentheses it may be what an aggregate is of.
  if (first == "features") return second.is("of") && !p.brackets.is_open(TokenKind::kParenOpen);
  return second.is(TokenKind::kQuotedName) ||
         (second.is(TokenKind::kName) && !is_keyword(second.text) &&
          !is_declaration_keyword(second.text));
}

bool resumes_here(TokenCursor& p) {
  const Token& token = p.current();
  if (!token.is(TokenKind::kName) || !token.line_start) return begins_clause(p);
  const bool clause = p.inside.rule && is_clause_keyword(token.text);
  const bool declaration = is_declaration_word(p);
  if (!clause && !declaration) return false;
  const Token& second = p.ahead();
  if (second.is(TokenKind::kName)) return !is_operator_word(second.text) || second.text == "not";
  return second.is(TokenKind::kQuotedName) || is_literal(second.kind) ||
         (clause && (second.is(TokenKind::kParenOpen) || second.is(TokenKind::kBang)));
}

bool begins_construct(TokenCursor& p) { return begins_clause(p) || begins_declaration(p); }

bool ends_block(TokenCursor& p) {
  return !p.panicking() && (p.current().is(TokenKind::kEnd) ||
                            p.current().is(TokenKind::kBraceClose) || begins_construct(p));
}

bool at_entry(TokenCursor& p) {
  const bool name = p.now().is(TokenKind::kName) || p.now().is(TokenKind::kQuotedName);
  return name && p.ahead().is(TokenKind::kColon);
}

bool comma_ends_entry(TokenCursor& p) {
  if (!p.now().is(TokenKind::kComma) || !p.brackets.is_open(TokenKind::kBraceOpen)) return false;
  if (p.ahead().is(TokenKind::kBraceClose)) return true;
  const bool name = p.ahead().is(TokenKind::kName) || p.ahead().is(TokenKind::kQuotedName);
  return name && p.ahead(2).is(TokenKind::kColon);
}

bool at_declaration(TokenCursor& p) {
  const Token& token = p.now();
  return token.is(TokenKind::kName) && token.line_start && is_declaration_word(p) &&
         (token.text != "allow" || !p.inside.rule);
}
}  // namespace tocsin::rules
