// Rows of tables in expressions: `t[a, b].col`, and `x in t[a].names`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/reference.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

namespace {
// A column of a table's row, `t[a, b].col`: what stands in the plan once its key is checked.
struct CellRef {
  cep::TableIndex table;
  std::uint32_t column = 0;
  std::vector<cep::ExprPtr> key;
};

// The table whose rows `index` reads; null, reported, where it is none. `member`: what is read of
// the row.
ValueSymbol* find_table(const ExprContext& c, const tree::Expr& index, const std::string& member) {
  const tree::Expr& base = *index.args[0];
  if (base.kind != ExprKind::kName) {
    if (base.kind != ExprKind::kError) {
      c.context.sink.report(make_diagnostic(Code::kE0225, base.span, "only a table has rows"));
    }
    return nullptr;
  }
  const std::string& name = base.name.text;
  const auto symbol = c.context.names.values.find(name);
  if (symbol != c.context.names.values.end() && symbol->second.form == ValueForm::kTable) {
    symbol->second.list_used = true;
    note_use(c.context, base.name.span, symbol->second.name->span);
    return symbol->second.broken ? nullptr : &symbol->second;
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0225, base.span, fmt::format("no table is named {}", in_code(name)));
  if (const auto step = find_step(c, base)) {
    const bool loop = c.scope.rule->steps[*step].loop;
    diagnostic.message = fmt::format("{} is a step, no table", in_code(name));
    diagnostic.helps.push_back(
        loop ? fmt::format(
                   "a loop has its first and its last event: `{0}.first.{1}`, `{0}.last.{1}`", name,
                   member)
             : fmt::format("write `{}.{}`", name, member));
    c.context.sink.report(std::move(diagnostic));
    return nullptr;
  }
  const bool near =
      suggest(c.context, diagnostic, name, value_names(c.context, {ValueForm::kTable}));
  if (near || !c.context.names.incomplete) c.context.sink.report(std::move(diagnostic));
  return nullptr;
}

// True if `got` may be the `column`th part of the table's key; else reported.
bool check_key_part(const ExprContext& c, const ValueSymbol& symbol, std::size_t column,
                    const Checked& part) {
  const cep::Table& table = c.context.plan.tables[symbol.table.value];
  const cep::Type& wanted = table.key_types[column];
  const cep::Type& got = part.type();
  const bool texts = is_text(got) && wanted.kind == TypeKind::kString;
  const bool numbers = is_exact_number(got) && got.kind != TypeKind::kFraction &&
                       (wanted.kind == TypeKind::kInt || wanted.kind == TypeKind::kDecimal);
  if (texts || numbers || got == wanted) return true;
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0304, part.span,
                      fmt::format("the key {} of {} is {}, not {}",
                                  in_code(table.key_names[column]), in_code(symbol.name->text),
                                  table.network_key == column ? "looked up by an address as text"
                                                              : type_text(wanted),
                                  type_text(got)),
                      type_label(c.context, part));
  diagnostic.labels.push_back({symbol.table_tree->keys[column].span, "the key column"});
  if (wanted.kind == TypeKind::kDate && got.kind == TypeKind::kTime) {
    diagnostic.helps.push_back("ask for the day of a time: `date(ts, \"Europe/Berlin\")`");
  } else if (wanted.kind == TypeKind::kString && !table.network_key && symbol.table_tree->from) {
    diagnostic.helps.push_back(
        fmt::format("a key is text unless its column is declared: `{{ {}: {}, … }}`",
                    table.key_names[column], cep::type_name(got)));
  }
  c.context.sink.report(std::move(diagnostic));
  return false;
}

// The key of the row that `index` reads; absent where it is wrong, which is reported.
std::optional<std::vector<cep::ExprPtr>> check_row_key(const ExprContext& c,
                                                       const ValueSymbol& symbol,
                                                       const tree::Expr& index) {
  const cep::Table& table = c.context.plan.tables[symbol.table.value];
  std::vector<Checked> key;
  for (std::size_t i = 1; i < index.args.size(); ++i) key.push_back(check_expr(c, *index.args[i]));
  if (key.size() != table.key_names.size()) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0311, index.span,
        fmt::format("{} has {} key column{}, not {}", in_code(symbol.name->text),
                    table.key_names.size(), table.key_names.size() == 1 ? "" : "s", key.size()));
    diagnostic.labels.push_back({symbol.name->span, "declared here"});
    c.context.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  std::vector<cep::ExprPtr> parts;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (!key[i] || !check_key_part(c, symbol, i, key[i])) return std::nullopt;
    parts.push_back(key[i].expr);
  }
  return parts;
}

// The column of that name; absent where there is none, which is reported.
std::optional<std::uint32_t> find_column(const ExprContext& c, const ValueSymbol& symbol,
                                         const tree::Name& name) {
  const cep::Table& table = c.context.plan.tables[symbol.table.value];
  const std::string& table_name = symbol.name->text;
  const auto column = std::ranges::find(table.columns, name.text, &cep::TableColumn::name);
  if (column != table.columns.end()) {
    const auto tree = std::ranges::find(symbol.table_tree->columns, name.text,
                                        [](const tree::Column& each) { return each.name.text; });
    if (tree != symbol.table_tree->columns.end()) note_use(c.context, name.span, tree->name.span);
    return static_cast<std::uint32_t>(column - table.columns.begin());
  }
  if (symbol.table_tree->broken) return std::nullopt;
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0226, name.span,
                      fmt::format("{} has no column {}", in_code(table_name), in_code(name.text)));
  std::vector<std::string> names;
  for (const cep::TableColumn& other : table.columns) names.push_back(other.name);
  if (!suggest(c.context, diagnostic, name.text, names)) {
    diagnostic.helps.push_back("the columns are " + one_of(names));
  }
  diagnostic.notes.push_back(fmt::format("{} is declared in {}", in_code(table_name),
                                         place_text(c.context.sources, symbol.name->span)));
  c.context.sink.report(std::move(diagnostic));
  return std::nullopt;
}

// `expr` is `something[…].name`. Nothing where it is wrong, which is reported then.
std::optional<CellRef> find_cell(const ExprContext& c, const tree::Expr& expr) {
  const tree::Expr& index = *expr.args[0];
  const ValueSymbol* table = find_table(c, index, expr.name.text);
  if (table == nullptr) return std::nullopt;
  std::optional<std::vector<cep::ExprPtr>> key = check_row_key(c, *table, index);
  if (!key) return std::nullopt;
  const std::optional<std::uint32_t> column = find_column(c, *table, expr.name);
  if (!column) return std::nullopt;
  return CellRef{table->table, *column, std::move(*key)};
}
}  // namespace

Checked check_cell(const ExprContext& c, const tree::Expr& expr) {
  std::optional<CellRef> cell = find_cell(c, expr);
  if (!cell) return error_type(c, expr);
  const cep::TableColumn& column = c.context.plan.tables[cell->table.value].columns[cell->column];
  if (column.list_of_string) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0310, expr.span, fmt::format("{} is a list of strings", in_code(column.name)),
        "a value is needed here");
    diagnostic.helps.push_back(fmt::format(
        "ask `value in {}[…].{}`", c.context.plan.tables[cell->table.value].name, column.name));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kTable;
  read->type = column.type;
  read->payload = cep::ColumnRead{cell->table, cell->column};
  read->args = std::move(cell->key);
  return checked(expr, std::move(read));
}

// `x in t[a].names`.
Checked check_in_table(const ExprContext& c, const tree::Expr& expr) {
  const Checked left = check_expr(c, *expr.args[0]);
  const tree::Expr& right = *expr.args[1];
  std::optional<CellRef> cell = find_cell(c, right);
  if (!cell || !left) return error_type(c, expr);
  const cep::TableColumn& column = c.context.plan.tables[cell->table.value].columns[cell->column];
  if (!column.list_of_string) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0310, right.span,
                                            fmt::format("{} holds one value", in_code(column.name)),
                                            type_text(column.type));
    diagnostic.helps.push_back("compare with `=`");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (!is_text(left.type())) {
    report_types(c, Code::kE0304,
                 fmt::format("cannot look for {} in a list of `string`", type_text(left.type())),
                 expr.op_span, left, left);
    return error_type(c, expr);
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
