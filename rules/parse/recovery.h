/// Brackets, commas, and where to continue after a mistake.
#pragma once
#include <cstddef>

#include "rules/parse/construct_start.h"
#include "rules/parse/parse_context.h"

namespace tocsin::rules {
/// Takes the opening bracket `kind`, or fails.
bool open_bracket(ParseContext& p, TokenKind kind);
/// Takes the closing bracket `kind`, or fails, or reports the bracket that it would close.
void close_bracket(ParseContext& p, TokenKind kind);
/// Reports that the innermost open bracket is not closed before `where`.
void report_unclosed(ParseContext& p, SourceSpan where);
/// Takes a comma, unless it ends an entry around the open brackets.
bool accept_comma(ParseContext& p);
/// After a comma in the values of a clause: reports it and gives true when the next clause begins
/// here.
bool comma_before_clause(ParseContext& p);
/// Reports and takes a `;`, which ends nothing here.
bool accept_semicolon(ParseContext& p);
/// Reports and takes `-- a comment`, where no expression can continue with two minus signs.
bool skip_foreign_comment(ParseContext& p);
/// Makes the expression read last part of the mistake.
void poison_last(ParseContext& p);
/// Takes the token at which the parser failed, and keeps panicking behind it.
void take_mistaken(ParseContext& p);
/// Skips a token; a `/` where an operand may be begins a regular expression if one ends on its
/// line.
void skip_one(ParseContext& p);

// Each skips what follows a mistake and calms the cursor. `base`: the number of brackets that were
// open around. False, and still panicking, if that place does not come.

/// To a clause, or the `}` that closes the last of `base` brackets.
bool resume_clause(ParseContext& p, std::size_t base);
/// To a comma, or the bracket `closing`, between the entries of a list.
bool resume_entry(ParseContext& p, std::size_t base, TokenKind closing);
/// To the next `then` of a pattern.
bool resume_then(ParseContext& p, std::size_t base);
/// To the next `{`.
bool resume_brace(ParseContext& p);
/// To the next declaration.
void resume_declaration(ParseContext& p);

/// Entries up to `closing`, whose opening bracket is the last open one, with commas between them
/// and perhaps one behind the last. `entry()` reads one, `begins()` tells whether another begins at
/// the current token.
template <typename Entry, typename Begins>
void comma_list(ParseContext& p, TokenKind closing, Entry entry, Begins begins) {
  const std::size_t base = p.brackets.count();
  for (;;) {
    if (skip_foreign_comment(p)) continue;
    if (p.at(closing) || p.now().is(TokenKind::kEnd) || begins_construct(p) || begins_test_line(p))
      break;
    if (p.now().is(TokenKind::kComma)) {
      const SourceSpan comma = p.here();
      p.take();
      p.remark(Code::kE0125, comma, "a comma too many", "nothing stands before it",
               Edit{comma, ""});
      continue;
    }
    p.last_root.reset();
    entry();
    if (p.panicking() && !resume_entry(p, base, closing)) return p.brackets.forget(base - 1);
    skip_foreign_comment(p);
    if (p.now().is(TokenKind::kSemicolon)) {
      p.remark(Code::kE0117, p.here(), "entries are not separated by `;`", "write `,`",
               Edit{p.here(), ","});
      p.take();
      continue;
    }
    if (p.accept(TokenKind::kComma)) continue;
    if (p.at(closing) || p.now().is(TokenKind::kEnd)) break;
    if (begins()) {
      const SourceSpan place{p.last().file, p.last().end, p.last().end};
      p.remark(Code::kE0125, place, "a comma is missing", "entries are separated by commas",
               Edit{place, ","});
      continue;
    }
    if (ends_block(p) || begins_test_line(p)) break;
    poison_last(p);
    p.fail_expected();
    if (!resume_entry(p, base, closing)) return p.brackets.forget(base - 1);
    p.accept(TokenKind::kComma);
  }
  close_bracket(p, closing);
}
}  // namespace tocsin::rules
