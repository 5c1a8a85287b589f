// Features.
#include <fmt/format.h>

#include <algorithm>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
// `over`, or what stands there where it was forgotten.
void Parser::expect_over() {
  const SourceSpan place{here().file, here().begin, here().begin};
  constexpr std::string_view kWords[] = {"in", "within", "for", "during", "on"};
  const bool window_follows = ahead().is("last") || ahead().is("previous") || ahead().is("the");
  if (now().is(TokenKind::kName) && window_follows &&
      std::ranges::find(kWords, now().text) != std::end(kWords)) {
    remark(Code::kE0117, here(), fmt::format("expected `over`, found {}", found(now())),
           "write `over`", Edit{here(), "over"});
    take();
  } else if (now().is("within") && ahead().is(TokenKind::kDuration)) {
    remark(Code::kE0117, here(), "a feature has no `within`", "write `over last`",
           Edit{here(), "over last"});
    now_->text = "last";
  } else if (now().is("last") || now().is("previous") || now().is("tumbling") ||
             now().is("session")) {
    remark(Code::kE0101, here(), fmt::format("expected `over` before {}", found(now())),
           "how far back it looks stands behind `over`", Edit{place, "over "});
  } else if (ends_declaration()) {
    const SourceSpan end{last().file, last().end, last().end};
    remark(Code::kE0101, end, "a feature without a window", "", std::nullopt,
           {"say how far back it looks: `over last 10m`"});
    panic_ = broken_ = true;
  } else {
    expect("over");
  }
}

// `by` behind `over all …`: the checker tells that they do not stand together.
void Parser::by_beside_all(std::vector<tree::Name>& by, SourceSpan& by_span) {
  if (!now().is("by")) return;
  take();
  by_span = last();
  by = names("the name of a field");
}

bool Parser::ends_declaration() {
  if (panic_) return false;
  return begins_declaration() || now().is(TokenKind::kEnd) || now().is(TokenKind::kBraceClose) ||
         (now().line_start && now().is(TokenKind::kName) && is_clause_keyword(now().text) &&
          !now().is("by"));
}

// Names of aggregates elsewhere: `average(amount of payment)`.
void Parser::foreign_aggregate() {
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
  if (panic_ || !now().is(TokenKind::kName) || aggregate_named(now().text)) return;
  const std::string small = lowered(now().text);
  const auto* found_word = std::ranges::find(kForeign, small, &Foreign::written);
  const bool capitals = aggregate_named(small).has_value();
  if (found_word == std::end(kForeign) && !capitals) return;
  const std::string meant = capitals ? small : std::string(found_word->meant);
  remark(Code::kE0117, here(), fmt::format("the language has no aggregate {}", found(now())),
         fmt::format("write `{}`", meant), Edit{here(), meant});
  now_->text = meant;
}

// The key of a feature. Without one it stays empty, which the checker reports: it knows the fields.
void Parser::feature_key(std::vector<tree::Name>& by, SourceSpan& by_span) {
  if (foreign_by()) {
    by_span = last();
  } else if (!panic_ && !now().is("by") && (now().is("over") || ends_declaration())) {
    by_span = {last().file, last().end, last().end};
    return;
  } else {
    expect("by");
    by_span = last();
  }
  do {
    by.push_back(declared_name("the name of a field", true));
  } while (accept(TokenKind::kComma) && !comma_before_clause());
}

// The window of a declaration, behind which nothing else has a `where`.
tree::Window Parser::declared_window() {
  tree::Window made = window();
  if (!panic_ && made.events && now().is("where")) {
    fail(Code::kE0101, "the condition of a window stands in parentheses", "",
         {"write `last 5 events where (amount > 10)`"});
  }
  return made;
}

tree::Feature Parser::feature() {
  tree::Feature made;
  begin(made);
  made.name = declared_name("the name of the feature");
  expect(TokenKind::kEqual);
  if (ahead().is(TokenKind::kParenOpen)) foreign_aggregate();
  if (!at_aggregate()) {
    fail_expected("an aggregate such as `count(payment)`");
    made.aggregate = error_expr(here());
    return made;
  }
  made.aggregate = aggregate(false);
  if (now().is("where") && !panic_) {
    const SourceSpan word = here();
    SourceSpan keyword;
    tree::ExprPtr condition = where(&keyword);
    remark(Code::kE0101, word, "a condition behind an aggregate", "", std::nullopt,
           {fmt::format("it stands inside the parentheses: `… {})`", source(since(word)))});
    broken_ = true;
  }
  if (now().is("over") && ahead().is("all")) {
    take();
    made.window = declared_window();
    by_beside_all(made.by, made.by_span);
    return made;
  }
  const bool swapped = now().is("over");
  if (swapped) {
    const SourceSpan over = here();
    take();
    made.window = window();
    made.by_span = {over.file, over.begin, over.begin};
    const std::string written = source(since(over));
    if (panic_ || !now().is("by")) return made;  // the checker reports the missing key
    const SourceSpan by = here();
    feature_key(made.by, made.by_span);
    const std::string key = source(since(by));
    remark(Code::kE0101, over, "`over` before `by`",
           fmt::format("the key stands first: `{} {}`", key, written),
           key.empty() || written.empty()
               ? std::nullopt
               : std::optional(Edit{since(over), fmt::format("{} {}", key, written)}));
    return made;
  }
  feature_key(made.by, made.by_span);
  if (made.by.empty() && ends_declaration()) {
    remark(Code::kE0101, made.by_span, "a feature without a key and a window", "", std::nullopt,
           {"say whose events it counts, and how far back: `by card over last 10m`"});
    panic_ = broken_ = true;
    return made;
  }
  expect_over();
  made.window = declared_window();
  return made;
}

tree::Features Parser::features() {
  tree::Features made;
  begin(made);
  expect("of");
  made.of = kinds();
  const bool of_all = now().is("over") && ahead().is("all");
  if (!of_all) feature_key(made.by, made.by_span);
  expect_over();
  made.window = declared_window();
  if (of_all) by_beside_all(made.by, made.by_span);
  if (panic_ && !resume_brace()) return made;
  if (!open(TokenKind::kBraceOpen)) return made;
  const auto begins = [this] {
    return (now().is(TokenKind::kName) || now().is(TokenKind::kQuotedName)) &&
           ahead().is(TokenKind::kEqual);
  };
  comma_list(
      TokenKind::kBraceClose, [&] { made.entries.push_back(feature_entry()); }, begins);
  return made;
}

tree::FeatureEntry Parser::feature_entry() {
  tree::FeatureEntry made;
  const SourceSpan begin = here();
  made.name = declared_name("the name of a feature");
  expect(TokenKind::kEqual);
  foreign_aggregate();
  made.aggregate_span = here();
  const auto aggregate = now().is(TokenKind::kName) ? aggregate_named(now().text) : std::nullopt;
  if (!aggregate) {
    fail_expected("an aggregate");
    return made;
  }
  made.aggregate = *aggregate;
  take();
  const cep::AggregateTraits& traits = traits_of(made.aggregate);
  if (traits.parameter != cep::AggregateParameter::kNone) {
    open(TokenKind::kParenOpen);
    made.argument = expr();
    expect(TokenKind::kComma);
    made.param = aggregate_param();
    close(TokenKind::kParenClose);
  } else if (traits.takes != cep::AggregateInput::kNothing) {
    made.argument = expr();
  }
  made.where = where(&made.where_span);
  made.unless = unless();
  made.span = since(begin);
  return made;
}
}  // namespace tocsin::rules
