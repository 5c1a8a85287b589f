// Time zones.
#include <fmt/format.h>

#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

namespace {
void report_no_zones(const ExprContext& c, SourceSpan span) {
  if (!c.context.zones.report_once()) return;
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0224, span, "this machine has no time zone database",
                      "the rules of this zone are needed");
  diagnostic.notes.push_back(c.context.zones.problem());
  diagnostic.helps.push_back("install the package `tzdata`, or name its folder in `TZDIR`");
  c.context.sink.report(std::move(diagnostic));
}

cep::ExprPtr known_zone(const ExprContext& c, const std::string& name, SourceSpan span) {
  switch (c.context.zones.use(name)) {
    case ZoneTable::Use::kKnown:
      return literal_expr(plain_type(TypeKind::kString), cep::Value::string(name));
    case ZoneTable::Use::kNoDatabase:
      report_no_zones(c, span);
      break;
    case ZoneTable::Use::kUnknown: {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0223, span, fmt::format("no time zone is named {}", in_code(name)));
      if (suggest(c.context, diagnostic, name, c.context.zones.names())) {
        diagnostic.edit->text = fmt::format("\"{}\"", diagnostic.edit->text);
      } else {
        diagnostic.helps.push_back("zones are named by a place: `\"Europe/Berlin\"`, or `\"UTC\"`");
      }
      c.context.sink.report(std::move(diagnostic));
      break;
    }
  }
  c.context.has_error_type = true;
  return nullptr;
}
}  // namespace

Checked check_zone_operand(const ExprContext& c, const tree::Expr& expr) {
  Checked zone = check_text(c, expr, "a time zone");
  if (!zone) return zone;
  if (zone.expr->op == Op::kLiteral) {
    zone.expr = known_zone(c, std::string(literal_of(*zone.expr).text), zone.span);
    return zone;
  }
  if (!c.context.zones.use_all()) {
    report_no_zones(c, zone.span);
    return error_type(c, expr);
  }
  return zone;
}

Checked check_zone(const ExprContext& c, const tree::Zone& zone) {
  tree::Expr expr;
  expr.span = zone.span;
  if (zone.literal) {
    expr.kind = ExprKind::kLiteral;
    expr.literal = cep::OwnedValue(cep::Value::string(zone.literal->text));
    return check_zone_operand(c, expr);
  }
  if (zone.path.empty()) return error_type(c, expr);
  expr.kind = ExprKind::kName;
  expr.name = zone.path.front();
  for (std::size_t i = 1; i < zone.path.size(); ++i) {
    auto base = std::make_unique<tree::Expr>(std::move(expr));
    base->span.end = zone.path[i - 1].span.end;
    expr = tree::Expr{};
    expr.kind = ExprKind::kMember;
    expr.span = zone.span;
    expr.name = zone.path[i];
    expr.args.push_back(std::move(base));
  }
  return check_zone_operand(c, expr);
}
}  // namespace tocsin::rules
