#include "rules/lint/missing_under_not.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "rules/context/report.h"

namespace tocsin::rules {
using cep::Expr;
using cep::Op;

namespace {
bool reads_field(const Expr& expr) { return expr.op == Op::kField || expr.op == Op::kBound; }

void find_asked(const CheckContext& context, const Expr& expr, std::set<std::string>& asked) {
  const bool asks =
      expr.op == Op::kIsMissing || expr.op == Op::kIsKnown || expr.op == Op::kCoalesce;
  for (const cep::ExprPtr& arg : expr.args) {
    if (!arg) continue;
    if (asks) asked.insert(cep::describe(context.plan, *arg));
    find_asked(context, *arg, asked);
  }
}

void find_read(const CheckContext& context, const Expr& expr, std::set<std::string>& read) {
  if (expr.op == Op::kNot || expr.op == Op::kOr || expr.op == Op::kIf) return;
  if (reads_field(expr)) read.insert(cep::describe(context.plan, expr));
  for (const cep::ExprPtr& arg : expr.args) {
    if (arg) find_read(context, *arg, read);
  }
}

// A field that may be missing, in what an unknown value makes unknown as a whole.
const Expr* find_optional(const CheckContext& context, const Expr& expr,
                          const std::set<std::string>& asked) {
  if (expr.op == Op::kIsMissing || expr.op == Op::kIsKnown || expr.op == Op::kCoalesce ||
      expr.op == Op::kIf || expr.op == Op::kAggregate)
    return nullptr;
  if (reads_field(expr)) {
    const bool optional = std::ranges::any_of(field_of(expr)->by_type, [&](const auto& place) {
      return context.event_type(place.first).fields[place.second.value].optional;
    });
    return optional && !asked.contains(cep::describe(context.plan, expr)) ? &expr : nullptr;
  }
  for (const cep::ExprPtr& arg : expr.args) {
    if (!arg) continue;
    if (const Expr* found = find_optional(context, *arg, asked)) return found;
  }
  return nullptr;
}

// `not in` says itself what it leaves out.
bool is_membership(const Expr& expr) {
  return expr.op == Op::kIn || expr.op == Op::kInValues || expr.op == Op::kInTable ||
         expr.op == Op::kInLoop;
}

const Expr* find_under_not(const CheckContext& context, const Expr& expr,
                           const std::set<std::string>& asked) {
  if (expr.op == Op::kNot && !is_membership(*expr.args[0])) {
    if (const Expr* found = find_optional(context, *expr.args[0], asked)) return found;
  }
  for (const cep::ExprPtr& arg : expr.args) {
    if (!arg) continue;
    if (const Expr* found = find_under_not(context, *arg, asked)) return found;
  }
  return nullptr;
}
}  // namespace

void warn_of_missing_under_not(CheckContext& context, const std::vector<Conjunct>& conjuncts,
                               std::size_t first_new) {
  std::set<std::string> always_asked;
  for (const Conjunct& conjunct : conjuncts) find_asked(context, *conjunct.expr, always_asked);
  for (std::size_t i = first_new; i < conjuncts.size(); ++i) {
    // What another part reads must be known for that part to hold.
    std::set<std::string> asked = always_asked;
    for (std::size_t j = 0; j < conjuncts.size(); ++j) {
      if (j != i) find_read(context, *conjuncts[j].expr, asked);
    }
    const Expr* field = find_under_not(context, *conjuncts[i].expr, asked);
    if (field == nullptr) continue;
    const std::string name = in_code(field_of(*field)->name);
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0028, conjuncts[i].span,
                        fmt::format("{} may be missing, and then this is not true", name),
                        "unknown, like what it is the opposite of");
    diagnostic.helps.push_back(fmt::format(
        "write what a missing value means: `{0} is known and …` or `{0} is missing or …`",
        field_of(*field)->name));
    context.sink.report(std::move(diagnostic));
  }
}
}  // namespace tocsin::rules
