// Files and their declarations: lists, tables, constants, defaults.
#include <fmt/format.h>

#include <algorithm>

#include "rules/syntax/parser_impl.h"
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
        "put the rules into several files; a long list stands in a file of its own: `list … from "
        "\"…\"`");
    mistakes.report(std::move(diagnostic));
    return false;
  }
  return check_bytes(file, text, mistakes);
}
}  // namespace

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
  Parser parser({file, text, nullptr}, 0, mistakes);
  parser.record_places(places);
  made = parser.file();
  made.broken = made.broken || !clean;  // bytes that no string or name should have
  return made;
}

tree::ExprPtr parse_condition(const SourceMap& sources, std::uint32_t file, DiagnosticSink& sink,
                              const ParseLimits& limits) {
  MistakeCounter mistakes(sink, limits.mistakes_max);
  const std::string_view text = sources.text(file);
  if (!check_text(text, file, limits, mistakes)) return nullptr;
  Parser parser({file, text, nullptr}, 0, mistakes);
  return parser.condition_alone();
}

tree::ExprPtr Parser::condition_alone() {
  tree::ExprPtr made = expr();
  if (!at(TokenKind::kEnd)) fail_expected();
  return made;
}

tree::File Parser::file() {
  tree::File made;
  made.file = lexer_.text().file;
  while (!current().is(TokenKind::kEnd)) declaration(made);
  poison(made, poisoned_);
  return made;
}

void Parser::begin(tree::Declaration& declaration) {
  declaration.keyword_span = here();
  last_root_.reset();
  const std::string word = take().text;
  skip_doubled(word);
}

void Parser::finish(tree::Declaration& declaration) {
  declaration.span = since(declaration.keyword_span);
  declaration.broken = broken_ || panic_;
}

void Parser::declaration(tree::File& file) {
  panic_ = broken_ = abandoned_ = too_deep_ = guessed_ = in_test_ = false;
  open_.clear();
  if (accept_semicolon()) return;
  const Token& token = current();
  if (token.is(TokenKind::kName)) {
    const std::string word = token.text;
    if (!declaration_by_name(file, word)) unknown_declaration(file);
  } else if (token.is(TokenKind::kBraceClose) && unclosed_block_) {
    unclosed_block_ = false;  // of the block before, whose `}` has been missed there
    broken_ = true;
    take();
  } else if (token.is(TokenKind::kBraceClose) || token.is(TokenKind::kParenClose) ||
             token.is(TokenKind::kBracketClose)) {
    remark(Code::kE0114, here(), fmt::format("this {} closes nothing", found(token)), "",
           Edit{here(), ""});
    broken_ = true;
    take();
  } else if (skip_foreign_comment()) {
    broken_ = true;
  } else {
    note("a declaration");
    fail_expected();
  }
  file.broken = file.broken || broken_ || panic_;
  if (panic_) resume_declaration();
}

bool Parser::declaration_by_name(tree::File& file, std::string_view keyword) {
  const auto add = [&](auto made) {
    finish(made);
    for (auto& item : nested_) file.items.push_back(std::move(item));
    nested_.clear();
    file.items.emplace_back(std::move(made));
    return true;
  };
  if (keyword == "use") return add(use());
  if (keyword == "allow") return add(allow());
  if (keyword == "event") return add(event());
  if (keyword == "kind") return add(kind());
  if (keyword == "key") return add(key());
  if (keyword == "list") return add(list_declaration());
  if (keyword == "table") return add(table());
  if (keyword == "const") return add(constant());
  if (keyword == "defaults") return add(defaults());
  if (keyword == "feature") return add(feature());
  if (keyword == "features") return add(features());
  if (keyword == "rule") return add(rule());
  if (keyword == "test") return add(test());
  return false;
}

void Parser::unknown_declaration(tree::File& file) {
  const SourceSpan span = here();
  const std::string word = now().text;
  const std::string small = lowered(word);
  std::optional<std::string> meant = nearest(word, declaration_keywords());
  const auto* foreign = std::ranges::find(kForeignDeclarations, small, &ForeignWord::written);
  const bool is_clause = std::ranges::find(clause_keywords(), word) != clause_keywords().end();
  if (is_clause) {
    fail(Code::kE0120, fmt::format("the clause `{}` stands outside of a rule", word), "",
         {"look for a `}` too many before it"});
  } else if (small == "select" || small == "create" || small == "insert" || small == "from" ||
             small == "sequence") {
    fail(Code::kE0117, fmt::format("the language has no `{}`", word), "",
         {"what to look for stands in a `rule`, behind its `when`"});
  } else if (now().line_start && ahead().is(TokenKind::kColon) && small != "rule") {
    meant.reset();
    fail(Code::kE0120, fmt::format("`{}` begins no declaration", word), "",
         {"a rule is written `rule NAME \"title\" { by … when … alert \"…\" }`"});
  } else if (!meant && foreign != std::end(kForeignDeclarations)) {
    if (foreign->meant.empty()) {
      fail(Code::kE0123, fmt::format("`{}` is reserved for later", word),
           "it declares nothing yet");
    } else {
      meant = foreign->meant;
      remark(Code::kE0117, span, fmt::format("the language has no `{}`", word),
             fmt::format("write `{}`", *meant), Edit{span, *meant});
    }
  } else if (meant) {
    remark(small == *meant ? Code::kE0117 : Code::kE0120, span,
           fmt::format("`{}` begins no declaration", word),
           small == *meant ? fmt::format("write `{}` in small letters", *meant)
                           : fmt::format("did you mean `{}`?", *meant),
           Edit{span, *meant});
  } else if (!now().line_start && !expected_.empty()) {
    // More of the declaration before than of a new one.
    poison_last();
    note("a declaration");
    fail_expected();
  } else {
    std::string words;
    for (const std::string& keyword : declaration_keywords())
      words += (words.empty() ? "`" : ", `") + keyword + "`";
    fail(Code::kE0120, fmt::format("`{}` begins no declaration", word), "",
         {"declarations begin with " + words});
  }
  if (!panic_ && meant) {
    now_->text = *meant;
    broken_ = true;
    declaration_by_name(file, *meant);
    return;
  }
  panic_ = false;
  take();
  panic_ = true;
}

tree::Use Parser::use() {
  tree::Use made;
  begin(made);
  if (auto path = string("the path of a file in quotes")) made.path = std::move(*path);
  return made;
}

tree::Allow Parser::allow() {
  tree::Allow made;
  begin(made);
  suppressed_warning(made);
  return made;
}

// ---- kinds, lists, tables, constants, defaults
tree::Kind Parser::kind() {
  tree::Kind made;
  begin(made);
  made.name = declared_name("the name of the kind");
  expect(TokenKind::kEqual);
  if (panic_) return made;
  for (;;) {
    tree::Subset subset;
    const SourceSpan begin = here();
    subset.kind = kindref();
    subset.where = where(&subset.where_span);
    subset.span = since(begin);
    if (panic_) return made;
    made.subsets.push_back(std::move(subset));
    if (now().is("or")) {
      remark(Code::kE0101, here(), "expected `|`, found `or`",
             "the parts of a kind are joined by `|`", Edit{here(), "|"});
      take();
      continue;
    }
    if (!accept(TokenKind::kBar)) return made;
  }
}

tree::Key Parser::key() {
  tree::Key made;
  begin(made);
  const SourceSpan begin = here();
  made.part.name = name("the name of the key");
  expect(TokenKind::kEqual);
  if (!panic_) key_members(made.part);
  made.part.span = since(begin);
  return made;
}

tree::List Parser::list_declaration() {
  using tree::ListForm;
  tree::List made;
  begin(made);
  made.name = declared_name("the name of the list");
  if (now().is(TokenKind::kEqual) && !panic_) {
    const Token& first = ahead(2);
    const std::string_view type = first.is(TokenKind::kInt)       ? "int"
                                  : first.is(TokenKind::kDecimal) ? "decimal(2)"
                                                                  : "string";
    remark(Code::kE0101, here(), "a list says what it holds", fmt::format("write `: {} =`", type),
           Edit{here(), fmt::format(": {} =", type)});
    broken_ = panic_ = true;
    return made;
  }
  expect(TokenKind::kColon);
  made.form_span = here();
  if (now().is(TokenKind::kName) && !panic_) {
    struct Foreign {
      std::string_view written, meant;
    };
    static constexpr Foreign kForeign[] = {
        {"str", "string"},   {"strings", "string"}, {"varchar", "string"},   {"integer", "int"},
        {"ints", "int"},     {"long", "int"},       {"bigint", "int"},       {"regexp", "regex"},
        {"dates", "date"},   {"day", "date"},       {"networks", "network"}, {"ip", "network"},
        {"cidr", "network"}, {"inet", "network"},   {"ip_range", "network"}};
    const auto* foreign = std::ranges::find(kForeign, lowered(now().text), &Foreign::written);
    if (foreign != std::end(kForeign)) {
      const std::string meant(foreign->meant);
      remark(Code::kE0117, here(), fmt::format("there is no type {}", found(now())),
             fmt::format("write `{}`", meant), Edit{here(), meant});
      now_->text = meant;
    }
  }
  if (accept("string")) {
    made.form = ListForm::kString;
  } else if (accept("int")) {
    made.form = ListForm::kInt;
  } else if (accept("decimal")) {
    made.form = ListForm::kDecimal;
    open(TokenKind::kParenOpen);
    made.scale = integer("the digits after the point");
    close(TokenKind::kParenClose);
  } else if (accept("date")) {
    made.form = ListForm::kDate;
  } else if (accept("network")) {
    made.form = ListForm::kNetwork;
  } else if (accept("text")) {
    made.form = ListForm::kText;
  } else if (accept("regex")) {
    made.form = ListForm::kRegex;
  } else {
    fail_expected();
  }
  if (panic_) return made;
  if (now().is("ignoring")) {
    const SourceSpan begin = here();
    take();
    expect("case");
    made.ignore_case = made.form == ListForm::kText;
    if (!made.ignore_case && !panic_) {
      remark(Code::kE0101, since(begin), "`ignoring case` on a list that is no list of phrases",
             made.form == ListForm::kRegex
                 ? "each expression of a regex list says it for itself: `/gift ?card/i`"
                 : "it stands with `text`: `list names : text ignoring case = […]`");
    }
  }
  if (panic_) return made;
  made.form_span = since(made.form_span);
  if (accept("from")) {
    made.from = string("the path of a file in quotes");
    return made;
  }
  expect(TokenKind::kEqual);
  if (panic_) return made;
  made.values_span = here();
  if (now().is(TokenKind::kString)) {
    remark(Code::kE0101, {last().file, last().begin, here().end},
           "a list of one text where its values are needed", "", std::nullopt,
           {fmt::format("the values of a file are read by `from {0}`, one value by `= [{0}]`",
                        source(here()))});
    take();
    broken_ = true;
    return made;
  }
  if (now().is(TokenKind::kBraceOpen) || now().is(TokenKind::kParenOpen)) {
    const bool brace = now().is(TokenKind::kBraceOpen);
    remark(Code::kE0117, here(), "a list of values stands in square brackets", "write `[…]`");
    take();
    comma_list(
        brace ? TokenKind::kBraceClose : TokenKind::kParenClose,
        [&] { made.values.push_back(literal()); },
        [this] { return is_literal(now().kind) || now().is(TokenKind::kName); });
    made.values_span = since(made.values_span);
    return made;
  }
  if (!at(TokenKind::kBracketOpen)) {
    fail_expected();
    return made;
  }
  tree::ExprPtr values = literal();
  made.values = std::move(values->args);
  made.values_span = since(made.values_span);
  return made;
}

tree::Table Parser::table() {
  tree::Table made;
  begin(made);
  made.name = declared_name("the name of the table");
  expect("key");
  made.keys = names("the name of a key column");
  if (panic_ && !resume_brace()) return made;
  if (!open(TokenKind::kBraceOpen)) return made;
  comma_list(
      TokenKind::kBraceClose, [&] { made.columns.push_back(column(made.keys)); },
      [this] { return at_entry(); });
  if (accept("from")) {
    made.from = string("the path of a file in quotes");
    return made;
  }
  expect(TokenKind::kEqual);
  if (!open(TokenKind::kBraceOpen)) return made;
  const auto begins = [this] {
    return now().is(TokenKind::kString) || now().is(TokenKind::kInt) ||
           now().is(TokenKind::kDate) || now().is(TokenKind::kParenOpen);
  };
  comma_list(
      TokenKind::kBraceClose, [&] { made.rows.push_back(row()); }, begins);
  return made;
}

namespace {
// How others name the type of a network.
bool is_network_elsewhere(const Token& token) {
  constexpr std::string_view kWords[] = {"ip", "cidr", "inet", "ip_range", "iprange", "networks"};
  return token.is(TokenKind::kName) &&
         std::ranges::find(kWords, lowered(token.text)) != std::end(kWords);
}
}  // namespace

tree::Column Parser::column(const std::vector<tree::Name>& keys) {
  tree::Column made;
  const SourceSpan begin = here();
  made.name = name("the name of a column");
  expect(TokenKind::kColon);
  if (accept("list")) {
    made.list_of_string = true;
    if (expect("of")) expect("string");
  } else if (now().is("network")) {
    made.network = true;
    made.type.span = here();
    take();
  } else if (is_network_elsewhere(now()) &&
             std::ranges::find(keys, made.name.text, &tree::Name::text) != keys.end()) {
    remark(Code::kE0117, here(), fmt::format("there is no type {}", found(now())),
           "write `network`", Edit{here(), "network"});
    made.network = true;
    made.type.span = here();
    take();
  } else {
    made.type = type();
  }
  made.span = since(begin);
  return made;
}

tree::Row Parser::row() {
  tree::Row made;
  const SourceSpan begin = here();
  if (now().is(TokenKind::kParenOpen)) {
    take();
    const auto begins = [this] {
      return now().is(TokenKind::kString) || now().is(TokenKind::kInt) ||
             now().is(TokenKind::kDate);
    };
    comma_list(
        TokenKind::kParenClose, [&] { made.keys.push_back(literal()); }, begins);
  } else {
    made.keys.push_back(literal());
  }
  expect(TokenKind::kColon);
  made.values = record(true);
  made.span = since(begin);
  return made;
}

tree::Const Parser::constant() {
  tree::Const made;
  begin(made);
  made.name = declared_name("the name of the constant");
  if (now().is(TokenKind::kColon)) {
    // `const X: int = 5`
    remark(Code::kE0101, here(), "a constant has no type of its own", "its value says it");
    take();
    type();
  }
  expect(TokenKind::kEqual);
  made.value = literal();
  return made;
}

tree::Defaults Parser::defaults() {
  tree::Defaults made;
  begin(made);
  made.event = name("the name of an event type");
  made.values = record(true);
  return made;
}
}  // namespace tocsin::rules
