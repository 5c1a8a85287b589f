// Lists and tables.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/parse/construct_start.h"
#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/recovery.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
// How others name the type of a network.
bool is_network_elsewhere(const Token& token) {
  constexpr std::string_view kWords[] = {"ip", "cidr", "inet", "ip_range", "iprange", "networks"};
  return token.is(TokenKind::kName) &&
         std::ranges::find(kWords, lowered(token.text)) != std::end(kWords);
}

tree::Column parse_column(ParseContext& p, const std::vector<tree::Name>& keys) {
  tree::Column made;
  const SourceSpan begin = p.here();
  made.name = parse_name(p, "the name of a column");
  p.expect(TokenKind::kColon);
  if (p.accept("list")) {
    made.list_of_string = true;
    if (p.expect("of")) p.expect("string");
  } else if (p.now().is("network")) {
    made.network = true;
    made.type.span = p.here();
    p.take();
  } else if (is_network_elsewhere(p.now()) &&
             std::ranges::find(keys, made.name.text, &tree::Name::text) != keys.end()) {
    p.remark(Code::kE0117, p.here(), fmt::format("there is no type {}", p.found(p.now())),
             "write `network`", Edit{p.here(), "network"});
    made.network = true;
    made.type.span = p.here();
    p.take();
  } else {
    made.type = parse_type(p);
  }
  made.span = p.since(begin);
  return made;
}

tree::Row parse_row(ParseContext& p) {
  tree::Row made;
  const SourceSpan begin = p.here();
  if (p.now().is(TokenKind::kParenOpen)) {
    p.take();
    const auto begins = [&] {
      return p.now().is(TokenKind::kString) || p.now().is(TokenKind::kInt) ||
             p.now().is(TokenKind::kDate);
    };
    comma_list(
        p, TokenKind::kParenClose, [&] { made.keys.push_back(parse_literal(p)); }, begins);
  } else {
    made.keys.push_back(parse_literal(p));
  }
  p.expect(TokenKind::kColon);
  made.values = parse_record(p, true);
  made.span = p.since(begin);
  return made;
}

// `list words : str`: read as the type that is meant.
void foreign_form(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kName)) return;
  struct Foreign {
    std::string_view written, meant;
  };
  static constexpr Foreign kForeign[] = {
      {"str", "string"},   {"strings", "string"}, {"varchar", "string"},   {"integer", "int"},
      {"ints", "int"},     {"long", "int"},       {"bigint", "int"},       {"regexp", "regex"},
      {"dates", "date"},   {"day", "date"},       {"networks", "network"}, {"ip", "network"},
      {"cidr", "network"}, {"inet", "network"},   {"ip_range", "network"}};
  const auto* foreign = std::ranges::find(kForeign, lowered(p.now().text), &Foreign::written);
  if (foreign != std::end(kForeign)) {
    const std::string meant(foreign->meant);
    p.remark(Code::kE0117, p.here(), fmt::format("there is no type {}", p.found(p.now())),
             fmt::format("write `{}`", meant), Edit{p.here(), meant});
    p.read_as(meant);
  }
}

// The type of the values.
void parse_form(ParseContext& p, tree::List& made) {
  using tree::ListForm;
  if (p.accept("string")) {
    made.form = ListForm::kString;
  } else if (p.accept("int")) {
    made.form = ListForm::kInt;
  } else if (p.accept("decimal")) {
    made.form = ListForm::kDecimal;
    open_bracket(p, TokenKind::kParenOpen);
    made.scale = parse_integer(p, "the digits after the point");
    close_bracket(p, TokenKind::kParenClose);
  } else if (p.accept("date")) {
    made.form = ListForm::kDate;
  } else if (p.accept("network")) {
    made.form = ListForm::kNetwork;
  } else if (p.accept("text")) {
    made.form = ListForm::kText;
  } else if (p.accept("regex")) {
    made.form = ListForm::kRegex;
  } else {
    p.fail_expected();
  }
}

// `ignoring case`, behind the type.
void parse_ignoring(ParseContext& p, tree::List& made) {
  using tree::ListForm;
  if (!p.now().is("ignoring")) return;
  const SourceSpan begin = p.here();
  p.take();
  p.expect("case");
  made.ignore_case = made.form == ListForm::kText;
  if (!made.ignore_case && !p.panicking()) {
    p.remark(Code::kE0101, p.since(begin),
             "`ignoring case` on a list that is not a list of phrases",
             made.form == ListForm::kRegex
                 ? "each expression of a regex list has its own flag: `/gift ?card/i`"
                 : "it is used with `text`: `list names : text ignoring case = […]`");
  }
}

// `["a", "b"]`, behind `=`.
void parse_values(ParseContext& p, tree::List& made) {
  if (p.now().is(TokenKind::kString)) {
    p.remark(Code::kE0101, {p.last().file, p.last().begin, p.here().end},
             "a list of one text where its values are needed", "", std::nullopt,
             {fmt::format("the values of a file are read by `from {0}`, one value by `= [{0}]`",
                          p.source(p.here()))});
    p.take();
    p.broken = true;
    return;
  }
  if (p.now().is(TokenKind::kBraceOpen) || p.now().is(TokenKind::kParenOpen)) {
    const bool brace = p.now().is(TokenKind::kBraceOpen);
    p.remark(Code::kE0117, p.here(), "a list of values is written in square brackets",
             "write `[…]`");
    p.take();
    comma_list(
        p, brace ? TokenKind::kBraceClose : TokenKind::kParenClose,
        [&] { made.values.push_back(parse_literal(p)); },
        [&] { return is_literal(p.now().kind) || p.now().is(TokenKind::kName); });
    made.values_span = p.since(made.values_span);
    return;
  }
  if (!p.at(TokenKind::kBracketOpen)) {
    p.fail_expected();
    return;
  }
  tree::ExprPtr values = parse_literal(p);
  made.values = std::move(values->args);
  made.values_span = p.since(made.values_span);
}
}  // namespace

tree::List parse_list_declaration(ParseContext& p) {
  tree::List made;
  begin_declaration(p, made);
  made.name = parse_declared_name(p, "the name of the list");
  if (p.now().is(TokenKind::kEqual) && !p.panicking()) {
    const Token& first = p.ahead(2);
    const std::string_view type = first.is(TokenKind::kInt)       ? "int"
                                  : first.is(TokenKind::kDecimal) ? "decimal(2)"
                                                                  : "string";
    p.remark(Code::kE0101, p.here(), "a list declares the type of its values",
             fmt::format("write `: {} =`", type), Edit{p.here(), fmt::format(": {} =", type)});
    p.panic();
    p.broken = true;
    return made;
  }
  p.expect(TokenKind::kColon);
  made.form_span = p.here();
  foreign_form(p);
  parse_form(p, made);
  if (p.panicking()) return made;
  parse_ignoring(p, made);
  if (p.panicking()) return made;
  made.form_span = p.since(made.form_span);
  if (p.accept("from")) {
    made.from = parse_string(p, "the path of a file in quotes");
    return made;
  }
  p.expect(TokenKind::kEqual);
  if (p.panicking()) return made;
  made.values_span = p.here();
  parse_values(p, made);
  return made;
}

tree::Table parse_table(ParseContext& p) {
  tree::Table made;
  begin_declaration(p, made);
  made.name = parse_declared_name(p, "the name of the table");
  p.expect("key");
  made.keys = parse_names(p, "the name of a key column");
  if (p.panicking() && !resume_brace(p)) return made;
  if (!open_bracket(p, TokenKind::kBraceOpen)) return made;
  comma_list(
      p, TokenKind::kBraceClose, [&] { made.columns.push_back(parse_column(p, made.keys)); },
      [&] { return at_entry(p); });
  if (p.accept("from")) {
    made.from = parse_string(p, "the path of a file in quotes");
    return made;
  }
  p.expect(TokenKind::kEqual);
  if (!open_bracket(p, TokenKind::kBraceOpen)) return made;
  const auto begins = [&] {
    return p.now().is(TokenKind::kString) || p.now().is(TokenKind::kInt) ||
           p.now().is(TokenKind::kDate) || p.now().is(TokenKind::kParenOpen);
  };
  comma_list(
      p, TokenKind::kBraceClose, [&] { made.rows.push_back(parse_row(p)); }, begins);
  return made;
}

}  // namespace tocsin::rules
