// Features.
#include <fmt/format.h>

#include <algorithm>

#include "rules/parse/construct_start.h"
#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/make_expr.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
bool ends_declaration(ParseContext& p) {
  if (p.panicking()) return false;
  return begins_declaration(p) || p.now().is(TokenKind::kEnd) ||
         p.now().is(TokenKind::kBraceClose) ||
         (p.now().line_start && p.now().is(TokenKind::kName) && is_clause_keyword(p.now().text) &&
          !p.now().is("by"));
}

// `over`, or what stands there where it was forgotten.
void expect_over(ParseContext& p) {
  const SourceSpan place{p.here().file, p.here().begin, p.here().begin};
  constexpr std::string_view kWords[] = {"in", "within", "for", "during", "on"};
  const bool window_follows =
      p.ahead().is("last") || p.ahead().is("previous") || p.ahead().is("the");
  if (p.now().is(TokenKind::kName) && window_follows &&
      std::ranges::find(kWords, p.now().text) != std::end(kWords)) {
    p.remark(Code::kE0117, p.here(), fmt::format("expected `over`, found {}", p.found(p.now())),
             "write `over`", Edit{p.here(), "over"});
    p.take();
  } else if (p.now().is("within") && p.ahead().is(TokenKind::kDuration)) {
    p.remark(Code::kE0117, p.here(), "a feature has no `within`", "write `over last`",
             Edit{p.here(), "over last"});
    p.read_as("last");
  } else if (p.now().is("last") || p.now().is("previous") || p.now().is("tumbling") ||
             p.now().is("session")) {
    p.remark(Code::kE0101, p.here(), fmt::format("expected `over` before {}", p.found(p.now())),
             "the length of the window is written after `over`", Edit{place, "over "});
  } else if (ends_declaration(p)) {
    const SourceSpan end{p.last().file, p.last().end, p.last().end};
    p.remark(Code::kE0101, end, "a feature without a window", "", std::nullopt,
             {"give the length of the window: `over last 10m`"});
    p.panic();
    p.broken = true;
  } else {
    p.expect("over");
  }
}

// `by` behind `over all …`: the checker tells that they do not stand together.
void by_beside_all(ParseContext& p, std::vector<tree::Name>& by, SourceSpan& by_span) {
  if (!p.now().is("by")) return;
  p.take();
  by_span = p.last();
  by = parse_names(p, "the name of a field");
}

// Names of aggregates elsewhere: `average(amount of payment)`.
void foreign_aggregate(ParseContext& p) {
  struct Foreign {
    std::string_view written, meant;
  };
  static constexpr Foreign kForeign[] = {{"average", "avg"},
                                         {"mean", "avg"},
                                         {"total", "sum"},
                                         {"cnt", "count"},
                                         {"num", "count"},
                                         {"number", "count"},
                                         {"maximum", "max"},
                                         {"minimum", "min"},
                                         {"std", "stddev"},
                                         {"stdev", "stddev"},
                                         {"nunique", "distinct"},
                                         {"count_distinct", "distinct"},
                                         {"distinctcount", "distinct"},
                                         {"distinct_count", "distinct"},
                                         {"unique", "distinct"},
                                         {"quantile", "percentile"}};
  if (p.panicking() || !p.now().is(TokenKind::kName) || aggregate_named(p.now().text)) return;
  const std::string small = lowered(p.now().text);
  const auto* found_word = std::ranges::find(kForeign, small, &Foreign::written);
  const bool capitals = aggregate_named(small).has_value();
  if (found_word == std::end(kForeign) && !capitals) return;
  const std::string meant = capitals ? small : std::string(found_word->meant);
  p.remark(Code::kE0117, p.here(),
           fmt::format("the language has no aggregate {}", p.found(p.now())),
           fmt::format("write `{}`", meant), Edit{p.here(), meant});
  p.read_as(meant);
}

// The key of a feature. Without one it stays empty, which the checker reports: it knows the fields.
void parse_feature_key(ParseContext& p, std::vector<tree::Name>& by, SourceSpan& by_span) {
  if (foreign_by(p)) {
    by_span = p.last();
  } else if (!p.panicking() && !p.now().is("by") && (p.now().is("over") || ends_declaration(p))) {
    by_span = {p.last().file, p.last().end, p.last().end};
    return;
  } else {
    p.expect("by");
    by_span = p.last();
  }
  do {
    by.push_back(parse_declared_name(p, "the name of a field", true));
  } while (p.accept(TokenKind::kComma) && !comma_before_clause(p));
}

// The window of a declaration, behind which nothing else has a `where`.
tree::Window parse_declared_window(ParseContext& p) {
  tree::Window made = parse_window(p);
  if (!p.panicking() && made.events && p.now().is("where")) {
    p.fail(Code::kE0101, "the condition of a window is written in parentheses", "",
           {"write `last 5 events where (amount > 10)`"});
  }
  return made;
}

tree::FeatureEntry parse_feature_entry(ParseContext& p) {
  tree::FeatureEntry made;
  const SourceSpan begin = p.here();
  made.name = parse_declared_name(p, "the name of a feature");
  p.expect(TokenKind::kEqual);
  foreign_aggregate(p);
  made.aggregate_span = p.here();
  const auto aggregate =
      p.now().is(TokenKind::kName) ? aggregate_named(p.now().text) : std::nullopt;
  if (!aggregate) {
    p.fail_expected("an aggregate");
    return made;
  }
  made.aggregate = *aggregate;
  p.take();
  const cep::AggregateTraits& traits = traits_of(made.aggregate);
  if (traits.parameter != cep::AggregateParameter::kNone) {
    open_bracket(p, TokenKind::kParenOpen);
    made.argument = parse_expr(p);
    p.expect(TokenKind::kComma);
    made.param = parse_aggregate_param(p);
    close_bracket(p, TokenKind::kParenClose);
  } else if (traits.takes != cep::AggregateInput::kNothing) {
    made.argument = parse_expr(p);
  }
  made.where = parse_where(p, &made.where_span);
  made.unless = parse_unless(p);
  made.span = p.since(begin);
  return made;
}
}  // namespace

tree::Feature parse_feature(ParseContext& p) {
  tree::Feature made;
  begin_declaration(p, made);
  made.name = parse_declared_name(p, "the name of the feature");
  p.expect(TokenKind::kEqual);
  if (p.ahead().is(TokenKind::kParenOpen)) foreign_aggregate(p);
  if (!at_aggregate(p)) {
    p.fail_expected("an aggregate such as `count(payment)`");
    made.aggregate = error_expr(p, p.here());
    return made;
  }
  made.aggregate = parse_aggregate(p, false);
  if (p.now().is("where") && !p.panicking()) {
    const SourceSpan word = p.here();
    SourceSpan keyword;
    tree::ExprPtr condition = parse_where(p, &keyword);
    p.remark(
        Code::kE0101, word, "a condition after an aggregate", "", std::nullopt,
        {fmt::format("it is written inside the parentheses: `… {})`", p.source(p.since(word)))});
    p.broken = true;
  }
  if (p.now().is("over") && p.ahead().is("all")) {
    p.take();
    made.window = parse_declared_window(p);
    by_beside_all(p, made.by, made.by_span);
    return made;
  }
  const bool swapped = p.now().is("over");
  if (swapped) {
    const SourceSpan over = p.here();
    p.take();
    made.window = parse_window(p);
    made.by_span = {over.file, over.begin, over.begin};
    const std::string written = p.source(p.since(over));
    if (p.panicking() || !p.now().is("by")) return made;  // the checker reports the missing key
    const SourceSpan by = p.here();
    parse_feature_key(p, made.by, made.by_span);
    const std::string key = p.source(p.since(by));
    p.remark(Code::kE0101, over, "`over` before `by`",
             fmt::format("the key stands first: `{} {}`", key, written),
             key.empty() || written.empty()
                 ? std::nullopt
                 : std::optional(Edit{p.since(over), fmt::format("{} {}", key, written)}));
    return made;
  }
  parse_feature_key(p, made.by, made.by_span);
  if (made.by.empty() && ends_declaration(p)) {
    p.remark(Code::kE0101, made.by_span, "a feature without a key and a window", "", std::nullopt,
             {"give the key and the window: `by card over last 10m`"});
    p.panic();
    p.broken = true;
    return made;
  }
  expect_over(p);
  made.window = parse_declared_window(p);
  return made;
}

tree::Features parse_features(ParseContext& p) {
  tree::Features made;
  begin_declaration(p, made);
  p.expect("of");
  made.of = parse_kinds(p);
  const bool of_all = p.now().is("over") && p.ahead().is("all");
  if (!of_all) parse_feature_key(p, made.by, made.by_span);
  expect_over(p);
  made.window = parse_declared_window(p);
  if (of_all) by_beside_all(p, made.by, made.by_span);
  if (p.panicking() && !resume_brace(p)) return made;
  if (!open_bracket(p, TokenKind::kBraceOpen)) return made;
  const auto begins = [&] {
    return (p.now().is(TokenKind::kName) || p.now().is(TokenKind::kQuotedName)) &&
           p.ahead().is(TokenKind::kEqual);
  };
  comma_list(
      p, TokenKind::kBraceClose, [&] { made.entries.push_back(parse_feature_entry(p)); }, begins);
  return made;
}
}  // namespace tocsin::rules
