#include "rules/parse/make_expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;

ExprPtr make_expr(ParseContext& p, ExprKind kind, SourceSpan begin, SourceSpan op) {
  auto made = std::make_unique<tree::Expr>();
  made->kind = kind;
  made->span = p.since(begin);
  made->op_span = op;
  return made;
}

ExprPtr error_expr(ParseContext& p, SourceSpan span) {
  p.broken = true;
  if (span.begin >= p.last().end) span = {p.last().file, p.last().end, p.last().end};
  auto made = std::make_unique<tree::Expr>();
  made->span = span;
  made->op_span = span;
  return made;
}

void adopt(ParseContext& p, tree::Expr& parent, ExprPtr child) {
  TOCSIN_ASSERT(child != nullptr, "every expression function gives a node");
  if (child->depth >= tree::kTreeDepthMax) {
    if (!p.panicking() && !p.too_deep) {
      p.fail(Code::kE0115,
             fmt::format("an expression of more than {} operators in a row", tree::kTreeDepthMax),
             "", {"put what is compared into a list"});
    }
    p.give_up();
    child = error_expr(p, child->span);
  }
  parent.depth = std::max(parent.depth, static_cast<std::uint16_t>(child->depth + 1));
  parent.args.push_back(std::move(child));
}

ExprPtr make_binary(ParseContext& p, ExprKind kind, SourceSpan op, ExprPtr left, ExprPtr right) {
  ExprPtr made = make_expr(p, kind, left->span, op);
  adopt(p, *made, std::move(left));
  adopt(p, *made, std::move(right));
  return made;
}
}  // namespace tocsin::rules
