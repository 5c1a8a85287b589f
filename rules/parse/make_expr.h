/// Nodes of expressions, with the depth of what is below them.
#pragma once
#include "rules/parse/parse_context.h"

namespace tocsin::rules {
/// A node from `begin` to the token taken last.
tree::ExprPtr make_expr(ParseContext& p, tree::ExprKind kind, SourceSpan begin, SourceSpan op);
tree::ExprPtr make_binary(ParseContext& p, tree::ExprKind kind, SourceSpan op, tree::ExprPtr left,
                          tree::ExprPtr right);
/// The place of a mistake; what has not been taken is no part of it.
tree::ExprPtr error_expr(ParseContext& p, SourceSpan span);
/// Gives `parent` one more argument, and its depth; a chain that grows too deep is given up.
void adopt(ParseContext& p, tree::Expr& parent, tree::ExprPtr child);
}  // namespace tocsin::rules
