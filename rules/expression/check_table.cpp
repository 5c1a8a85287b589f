// Rows of tables in expressions: `t[a, b].col`, and `x in t[a].names`.
#include <fmt/format.h>

#include <algorithm>

#include "cep/plan/reference.h"
#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"

namespace tocsin::rules {
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

// `expr` is `something[…].name`. Nothing where it is wrong, which is reported then.
std::optional<CellRef> ExpressionChecker::find_cell(const tree::Expr& expr) {
  const tree::Expr& index = *expr.args[0];
  const tree::Expr& base = *index.args[0];
  std::vector<Checked> key;
  if (base.kind != ExprKind::kName) {
    if (base.kind != ExprKind::kError) {
      context_.sink.report(make_diagnostic(Code::kE0225, base.span, "only a table has rows"));
    }
    return std::nullopt;
  }
  const std::string& name = base.name.text;
  const auto symbol = context_.names.values.find(name);
  if (symbol == context_.names.values.end() || symbol->second.form != ValueForm::kTable) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0225, base.span,
                                            fmt::format("no table is named {}", in_code(name)));
    if (const auto step = find_step(base)) {
      const bool loop = scope_.rule->steps[*step].loop;
      diagnostic.message = fmt::format("{} is a step, no table", in_code(name));
      diagnostic.helps.push_back(
          loop ? fmt::format(
                     "a loop has its first and its last event: `{0}.first.{1}`, `{0}.last.{1}`",
                     name, expr.name.text)
               : fmt::format("write `{}.{}`", name, expr.name.text));
      context_.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    const bool near =
        suggest(context_, diagnostic, name, value_names(context_, {ValueForm::kTable}));
    if (near || !context_.names.incomplete) context_.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  ValueSymbol& found = symbol->second;
  found.list_used = true;
  if (found.broken) return std::nullopt;
  const cep::Table& table = context_.plan.tables[found.table.value];
  for (std::size_t i = 1; i < index.args.size(); ++i) key.push_back(check(*index.args[i]));
  if (key.size() != table.key_names.size()) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0311, index.span,
        fmt::format("{} has {} key column{}, not {}", in_code(name), table.key_names.size(),
                    table.key_names.size() == 1 ? "" : "s", key.size()));
    diagnostic.labels.push_back({found.name->span, "declared here"});
    context_.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  CellRef cell;
  cell.table = found.table;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (!key[i]) return std::nullopt;
    const cep::Type& wanted = table.key_types[i];
    const cep::Type& got = key[i].type();
    const bool texts = is_text(got) && wanted.kind == TypeKind::kString;
    const bool numbers = is_exact_number(got) && got.kind != TypeKind::kFraction &&
                         (wanted.kind == TypeKind::kInt || wanted.kind == TypeKind::kDecimal);
    if (!texts && !numbers && !(got == wanted)) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0304, key[i].span,
          fmt::format(
              "the key {} of {} is {}, not {}", in_code(table.key_names[i]), in_code(name),
              table.network_key == i ? "looked up by an address as text" : type_text(wanted),
              type_text(got)),
          type_label(context_, key[i]));
      diagnostic.labels.push_back({found.table_tree->keys[i].span, "the key column"});
      if (wanted.kind == TypeKind::kDate && got.kind == TypeKind::kTime) {
        diagnostic.helps.push_back("ask for the day of a time: `date(ts, \"Europe/Berlin\")`");
      } else if (wanted.kind == TypeKind::kString && !table.network_key && found.table_tree->from) {
        diagnostic.helps.push_back(
            fmt::format("a key is text unless its column is declared: `{{ {}: {}, … }}`",
                        table.key_names[i], cep::type_name(got)));
      }
      context_.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    cell.key.push_back(key[i].expr);
  }
  const auto column = std::ranges::find(table.columns, expr.name.text, &cep::TableColumn::name);
  if (column == table.columns.end()) {
    if (found.table_tree->broken) return std::nullopt;
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0226, expr.name.span,
                        fmt::format("{} has no column {}", in_code(name), in_code(expr.name.text)));
    std::vector<std::string> names;
    for (const cep::TableColumn& other : table.columns) names.push_back(other.name);
    if (!suggest(context_, diagnostic, expr.name.text, names)) {
      diagnostic.helps.push_back("the columns are " + one_of(names));
    }
    diagnostic.notes.push_back(fmt::format("{} is declared in {}", in_code(name),
                                           place_text(context_.sources, found.name->span)));
    context_.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  cell.column = static_cast<std::uint32_t>(column - table.columns.begin());
  return cell;
}

Checked ExpressionChecker::check_cell(const tree::Expr& expr) {
  std::optional<CellRef> cell = find_cell(expr);
  if (!cell) return error(expr);
  const cep::TableColumn& column = context_.plan.tables[cell->table.value].columns[cell->column];
  if (column.list_of_string) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0310, expr.span, fmt::format("{} is a list of strings", in_code(column.name)),
        "a value is needed here");
    diagnostic.helps.push_back(fmt::format(
        "ask `value in {}[…].{}`", context_.plan.tables[cell->table.value].name, column.name));
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kTable;
  read->type = column.type;
  read->payload = cep::ColumnRead{cell->table, cell->column};
  read->args = std::move(cell->key);
  return checked(expr, std::move(read));
}

// `x in t[a].names`.
Checked ExpressionChecker::check_in_table(const tree::Expr& expr) {
  const Checked left = check(*expr.args[0]);
  const tree::Expr& right = *expr.args[1];
  std::optional<CellRef> cell = find_cell(right);
  if (!cell || !left) return error(expr);
  const cep::TableColumn& column = context_.plan.tables[cell->table.value].columns[cell->column];
  if (!column.list_of_string) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0310, right.span,
                                            fmt::format("{} holds one value", in_code(column.name)),
                                            type_text(column.type));
    diagnostic.helps.push_back("compare with `=`");
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  if (!is_text(left.type())) {
    report_types(Code::kE0304,
                 fmt::format("cannot look for {} in a list of `string`", type_text(left.type())),
                 expr.op_span, left, left);
    return error(expr);
  }
  auto in = std::make_shared<cep::Expr>();
  in->op = Op::kInTable;
  in->type = plain_type(TypeKind::kBool);
  in->payload = cep::ColumnRead{cell->table, cell->column};
  in->args = {left.expr};
  in->args.insert(in->args.end(), cell->key.begin(), cell->key.end());
  return checked(expr, std::move(in));
}
}  // namespace tocsin::rules
