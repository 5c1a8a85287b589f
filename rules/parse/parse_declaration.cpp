// Declarations of one line: imports, kinds, keys, constants, defaults.
#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"

namespace tocsin::rules {
void begin_declaration(ParseContext& p, tree::Declaration& declaration) {
  declaration.keyword_span = p.here();
  p.last_root.reset();
  const std::string word = p.take().text;
  p.skip_doubled(word);
}

void finish_declaration(ParseContext& p, tree::Declaration& declaration) {
  declaration.span = p.since(declaration.keyword_span);
  declaration.broken = p.broken || p.panicking();
}

tree::Use parse_use(ParseContext& p) {
  tree::Use made;
  begin_declaration(p, made);
  if (auto path = parse_string(p, "the path of a file in quotes")) made.path = std::move(*path);
  return made;
}

tree::Allow parse_allow(ParseContext& p) {
  tree::Allow made;
  begin_declaration(p, made);
  parse_suppressed_warning(p, made.warning, made.reason);
  return made;
}

// ---- kinds, lists, tables, constants, defaults
tree::Kind parse_kind(ParseContext& p) {
  tree::Kind made;
  begin_declaration(p, made);
  made.name = parse_declared_name(p, "the name of the kind");
  p.expect(TokenKind::kEqual);
  if (p.panicking()) return made;
  for (;;) {
    tree::Subset subset;
    const SourceSpan begin = p.here();
    subset.kind = parse_kindref(p);
    subset.where = parse_where(p, &subset.where_span);
    subset.span = p.since(begin);
    if (p.panicking()) return made;
    made.subsets.push_back(std::move(subset));
    if (p.now().is("or")) {
      p.remark(Code::kE0101, p.here(), "expected `|`, found `or`",
               "the parts of a kind are joined by `|`", Edit{p.here(), "|"});
      p.take();
      continue;
    }
    if (!p.accept(TokenKind::kBar)) return made;
  }
}

tree::Key parse_key(ParseContext& p) {
  tree::Key made;
  begin_declaration(p, made);
  const SourceSpan begin = p.here();
  made.part.name = parse_name(p, "the name of the key");
  p.expect(TokenKind::kEqual);
  if (!p.panicking()) parse_key_members(p, made.part);
  made.part.span = p.since(begin);
  return made;
}

tree::Const parse_const(ParseContext& p) {
  tree::Const made;
  begin_declaration(p, made);
  made.name = parse_declared_name(p, "the name of the constant");
  if (p.now().is(TokenKind::kColon)) {
    // `const X: int = 5`
    p.remark(Code::kE0101, p.here(), "a constant is declared without a type",
             "the value determines it");
    p.take();
    parse_type(p);
  }
  p.expect(TokenKind::kEqual);
  made.value = parse_literal(p);
  return made;
}

tree::Defaults parse_defaults(ParseContext& p) {
  tree::Defaults made;
  begin_declaration(p, made);
  made.event = parse_name(p, "the name of an event type");
  made.values = parse_record(p, true);
  return made;
}
}  // namespace tocsin::rules
