// Features.
#include <fmt/format.h>

#include "rules/parser_impl.h"

namespace tocsin::rules {
// `over`, or what stands there where it was forgotten.
void Parser::expect_over() {
  const SourceSpan place{here().file, here().begin, here().begin};
  if (now().is("within") && ahead().is(TokenKind::kDuration)) {
    remark(Code::kE0117, here(), "a feature has no `within`", "write `over last`",
           Edit{here(), "over last"});
    now_->text = "last";
  } else if (now().is("last") || now().is("previous") || now().is("tumbling") ||
             now().is("session")) {
    remark(Code::kE0101, here(), fmt::format("expected `over` before {}", found(now())),
           "how far back it looks stands behind `over`", Edit{place, "over "});
  } else if (begins_declaration() || now().is(TokenKind::kEnd)) {
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

tree::Feature Parser::feature() {
  tree::Feature made;
  begin(made);
  made.name = name("the name of the feature");
  expect(TokenKind::kEqual);
  if (!at_aggregate()) {
    fail_expected("an aggregate such as `count(payment)`");
    made.aggregate = error_expr(here());
    return made;
  }
  made.aggregate = aggregate(false);
  if (now().is("over") && ahead().is("all")) {
    take();
    made.window = window();
    by_beside_all(made.by, made.by_span);
    return made;
  }
  const bool swapped = now().is("over");
  if (swapped) {
    remark(Code::kE0101, here(), "`over` before `by`",
           "the key stands first: `by card over last 10m`");
    take();
    made.window = window();
  }
  expect("by");
  made.by_span = last();
  made.by = names("the name of a field");
  if (swapped) return made;
  expect_over();
  made.window = window();
  return made;
}

tree::Features Parser::features() {
  tree::Features made;
  begin(made);
  expect("of");
  made.of = kinds();
  const bool of_all = now().is("over") && ahead().is("all");
  if (!of_all) {
    expect("by");
    made.by_span = last();
    made.by = names("the name of a field");
  }
  expect_over();
  made.window = window();
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
  using tree::AggregateName;
  tree::FeatureEntry made;
  const SourceSpan begin = here();
  made.name = name("the name of a feature");
  expect(TokenKind::kEqual);
  made.aggregate_span = here();
  const auto aggregate = now().is(TokenKind::kName) ? aggregate_named(now().text) : std::nullopt;
  if (!aggregate) {
    fail_expected("an aggregate");
    return made;
  }
  made.aggregate = *aggregate;
  take();
  if (made.aggregate == AggregateName::kEwma || made.aggregate == AggregateName::kPercentile) {
    open(TokenKind::kParenOpen);
    made.argument = expr();
    expect(TokenKind::kComma);
    made.param = aggregate_param();
    close(TokenKind::kParenClose);
  } else if (made.aggregate != AggregateName::kCount) {
    made.argument = expr();
  }
  made.where = where(&made.where_span);
  made.unless = unless();
  made.span = since(begin);
  return made;
}
}  // namespace tocsin::rules
