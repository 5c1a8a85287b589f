// Files: one declaration after the other.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/parser.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/syntax/poison.h"
#include "rules/text/characters.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
constexpr ForeignWord kForeignDeclarations[] = {
    {"import", "use"},       {"include", "use"}, {"schema", "event"},   {"type", "event"},
    {"struct", "event"},     {"stream", ""},     {"constant", "const"}, {"let", "const"},
    {"define", "const"},     {"alert", ""},      {"model", ""},         {"function", ""},
    {"default", "defaults"}, {"set", "list"},    {"lookup", "table"},
};

// Whether the text may be read at all.
bool check_text(std::string_view text, std::uint32_t file, const ParseLimits& limits,
                MistakeCounter& mistakes) {
  if (text.size() > limits.bytes_max) {
    Diagnostic diagnostic;
    diagnostic.code = Code::kE0116;
    diagnostic.message = fmt::format("the file has {} bytes, more than the {} that are read",
                                     text.size(), limits.bytes_max);
    diagnostic.primary.span = {file, 0, 0};
    diagnostic.helps.emplace_back(
        "put the rules into several files; a long list is written in a file of its own: `list … "
        "from \"…\"`");
    mistakes.report(std::move(diagnostic));
    return false;
  }
  return check_bytes(file, text, mistakes);
}

tree::ExprPtr parse_condition_alone(ParseContext& p) {
  tree::ExprPtr made = parse_expr(p);
  if (!p.at(TokenKind::kEnd)) p.fail_expected();
  return made;
}

void unknown_declaration(ParseContext& p, tree::File& file) {
  const SourceSpan span = p.here();
  const std::string word = p.now().text;
  const std::string small = lowered(word);
  std::optional<std::string> meant = nearest(word, declaration_keywords());
  const auto* foreign = std::ranges::find(kForeignDeclarations, small, &ForeignWord::written);
  const bool is_clause = std::ranges::find(clause_keywords(), word) != clause_keywords().end();
  if (is_clause) {
    p.fail(Code::kE0120, fmt::format("the clause `{}` is written outside of a rule", word), "",
           {"look for a `}` too many before it"});
  } else if (small == "select" || small == "create" || small == "insert" || small == "from" ||
             small == "sequence") {
    p.fail(Code::kE0117, fmt::format("the language has no `{}`", word), "",
           {"a pattern is written in a `rule`, after its `when`"});
  } else if (p.now().line_start && p.ahead().is(TokenKind::kColon) && small != "rule") {
    meant.reset();
    p.fail(Code::kE0120, fmt::format("`{}` begins no declaration", word), "",
           {"a rule is written `rule NAME \"title\" { by … when … alert \"…\" }`"});
  } else if (!meant && foreign != std::end(kForeignDeclarations)) {
    if (foreign->meant.empty()) {
      p.fail(Code::kE0123, fmt::format("`{}` is reserved for later", word),
             "it declares nothing yet");
    } else {
      meant = foreign->meant;
      p.remark(Code::kE0117, span, fmt::format("the language has no `{}`", word),
               fmt::format("write `{}`", *meant), Edit{span, *meant});
    }
  } else if (meant) {
    p.remark(small == *meant ? Code::kE0117 : Code::kE0120, span,
             fmt::format("`{}` begins no declaration", word),
             small == *meant ? fmt::format("write `{}` in small letters", *meant)
                             : fmt::format("did you mean `{}`?", *meant),
             Edit{span, *meant});
  } else if (!p.now().line_start && !p.expected().empty()) {
    // More of the declaration before than of a new one.
    poison_last(p);
    p.note("a declaration");
    p.fail_expected();
  } else {
    std::string words;
    for (const std::string& keyword : declaration_keywords())
      words += (words.empty() ? "`" : ", `") + keyword + "`";
    p.fail(Code::kE0120, fmt::format("`{}` begins no declaration", word), "",
           {"declarations begin with " + words});
  }
  if (!p.panicking() && meant) {
    p.read_as(*meant);
    p.broken = true;
    parse_declaration_by_name(p, file, *meant);
    return;
  }
  take_mistaken(p);
}

void parse_declaration(ParseContext& p, tree::File& file) {
  p.calm();
  p.broken = p.abandoned = p.too_deep = p.guessed = p.inside.test = false;
  p.brackets.forget(0);
  if (accept_semicolon(p)) return;
  const Token& token = p.current();
  if (token.is(TokenKind::kName)) {
    const std::string word = token.text;
    if (!parse_declaration_by_name(p, file, word)) unknown_declaration(p, file);
  } else if (token.is(TokenKind::kBraceClose) && p.unclosed_block) {
    p.unclosed_block = false;  // of the block before, whose `}` has been missed there
    p.broken = true;
    p.take();
  } else if (token.is(TokenKind::kBraceClose) || token.is(TokenKind::kParenClose) ||
             token.is(TokenKind::kBracketClose)) {
    p.remark(Code::kE0114, p.here(), fmt::format("this {} closes nothing", p.found(token)), "",
             Edit{p.here(), ""});
    p.broken = true;
    p.take();
  } else if (skip_foreign_comment(p)) {
    p.broken = true;
  } else {
    p.note("a declaration");
    p.fail_expected();
  }
  file.broken = file.broken || p.broken || p.panicking();
  if (p.panicking()) resume_declaration(p);
}

tree::File parse_file(ParseContext& p) {
  tree::File made;
  made.file = p.lexed().file;
  while (!p.current().is(TokenKind::kEnd)) parse_declaration(p, made);
  poison(made, p.poisoned);
  return made;
}
}  // namespace

bool parse_declaration_by_name(ParseContext& p, tree::File& file, std::string_view keyword) {
  const auto add = [&](auto made) {
    finish_declaration(p, made);
    for (auto& item : p.rule.nested) file.items.push_back(std::move(item));
    p.rule.nested.clear();
    file.items.emplace_back(std::move(made));
    return true;
  };
  if (keyword == "use") return add(parse_use(p));
  if (keyword == "allow") return add(parse_allow(p));
  if (keyword == "event") return add(parse_event(p));
  if (keyword == "kind") return add(parse_kind(p));
  if (keyword == "key") return add(parse_key(p));
  if (keyword == "list") return add(parse_list_declaration(p));
  if (keyword == "table") return add(parse_table(p));
  if (keyword == "const") return add(parse_const(p));
  if (keyword == "defaults") return add(parse_defaults(p));
  if (keyword == "feature") return add(parse_feature(p));
  if (keyword == "features") return add(parse_features(p));
  if (keyword == "rule") return add(parse_rule(p));
  if (keyword == "test") return add(parse_test(p));
  return false;
}

tree::File parse(const SourceMap& sources, std::uint32_t file, DiagnosticSink& sink,
                 const ParseLimits& limits, std::vector<TokenPlace>* places) {
  MistakeCounter mistakes(sink, limits.mistakes_max);
  const std::string_view text = sources.text(file);
  tree::File made;
  made.file = file;
  if (!check_text(text, file, limits, mistakes)) {
    made.broken = true;
    return made;
  }
  const bool clean = !mistakes.any();
  ParseContext p({file, text, nullptr}, 0, mistakes);
  p.record_places(places);
  made = parse_file(p);
  made.broken = made.broken || !clean;  // bytes that no string or name should have
  return made;
}

tree::ExprPtr parse_condition(const SourceMap& sources, std::uint32_t file, DiagnosticSink& sink,
                              const ParseLimits& limits) {
  MistakeCounter mistakes(sink, limits.mistakes_max);
  const std::string_view text = sources.text(file);
  if (!check_text(text, file, limits, mistakes)) return nullptr;
  ParseContext p({file, text, nullptr}, 0, mistakes);
  return parse_condition_alone(p);
}
}  // namespace tocsin::rules
