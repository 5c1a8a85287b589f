// Tables: their columns and rows, written out or from a file of comma-separated values.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "cep/plan/reference.h"
#include "cep/value/ip_address.h"
#include "cep/value/key.h"
#include "cep/value/value_text.h"
#include "rules/context/csv.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/declaration/check_events.h"
#include "rules/declaration/check_values.h"
#include "rules/declaration/data_report.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/coerce_literal.h"

namespace tocsin::rules {
using cep::TypeKind;
using cep::Value;
using tree::ExprKind;

namespace {
constexpr std::size_t kNoColumn = ~std::size_t{0};

class TableReader {
 public:
  TableReader(CheckContext& context, const tree::Table& tree, cep::Table& table)
      : context_(context), tree_(tree), table_(table) {}

  // False where the table could not be read, which has been reported.
  bool read() {
    if (!read_columns()) return false;
    if (tree_.from) {
      read_file();
    } else {
      type_keys();
      if (ok_) read_rows();
    }
    return ok_;
  }

 private:
  void report(Code code, SourceSpan span, std::string message, std::string label = {},
              std::string help = {}) {
    Diagnostic diagnostic = make_diagnostic(code, span, std::move(message), std::move(label));
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
    ok_ = false;
  }

  // ---- columns
  bool read_columns() {
    for (const tree::Name& key : tree_.keys) {
      if (key.text.empty()) return false;
      if (std::ranges::find(table_.key_names, key.text) != table_.key_names.end()) {
        report(Code::kE0215, key.span, fmt::format("{} appears twice", in_code(key.text)));
      }
      table_.key_names.push_back(key.text);
      table_.key_types.push_back(plain_type(TypeKind::kString));
      column_of_key_.push_back(kNoColumn);
    }
    for (const tree::Column& column : tree_.columns) {
      if (column.name.text.empty()) return false;
      const auto same =
          std::ranges::find(table_.columns, column.name.text, &cep::TableColumn::name);
      if (same != table_.columns.end()) {
        report(Code::kE0215, column.name.span,
               fmt::format("{} appears twice", in_code(column.name.text)));
        continue;
      }
      cep::TableColumn made;
      made.name = column.name.text;
      made.list_of_string = column.list_of_string;
      made.type = plain_type(TypeKind::kString);
      if (!column.list_of_string && !column.network) {
        const std::optional<cep::Type> type = declared_type(context_, column.type);
        if (!type) return false;
        made.type = *type;
      }
      add_key_column(column, made, table_.columns.size());
      table_.columns.push_back(std::move(made));
      column_trees_.push_back(&column);
    }
    return ok_;
  }
  // A key column may be declared with the others: it has that type then, and can be read.
  void add_key_column(const tree::Column& tree, const cep::TableColumn& column, std::size_t index) {
    const auto key = std::ranges::find(table_.key_names, column.name);
    if (tree.network && key == table_.key_names.end()) {
      std::string names = column.name;
      for (const std::string& name : table_.key_names) names += ", " + name;
      return report(Code::kE0238, tree.type.span,
                    fmt::format("{} is not a key column", in_code(column.name)),
                    "only a key is looked up by an address",
                    fmt::format("make it part of the key, `key {}`, or write `string`", names));
    }
    if (key == table_.key_names.end()) return;
    if (column.list_of_string || column.type.kind == TypeKind::kFloat) {
      report(Code::kE0309, tree.span, "a key is one exact value",
             column.list_of_string ? "not a list" : "not a `float`");
      return;
    }
    const auto place = static_cast<std::size_t>(key - table_.key_names.begin());
    // Words are looked for as text.
    if (column.type.kind != TypeKind::kEnum) table_.key_types[place] = column.type;
    column_of_key_[place] = index;
    if (!tree.network) return;
    if (table_.network_key) {
      return report(Code::kE0239, tree.type.span,
                    fmt::format("{} is a network, and {} is one", in_code(column.name),
                                in_code(table_.key_names[*table_.network_key])),
                    "a key has one network",
                    "two prefixes have no order: make two tables, each with one network");
    }
    table_.network_key = static_cast<std::uint32_t>(place);
  }

  // Bytes that equal keys share.
  static std::string bytes_of(const cep::TableRow& row) {
    std::vector<Value> parts;
    for (const cep::OwnedValue& part : row.key) parts.push_back(part.view());
    return cep::key_bytes(parts);
  }
  bool is_too_large(std::size_t rows) const {
    return rows * (table_.key_names.size() + table_.columns.size()) >
           context_.limits.table_cells_max;
  }
  void report_too_large(SourceSpan span) {
    report(Code::kE0505, span,
           fmt::format("the table {} has more than {} cells", in_code(table_.name),
                       context_.limits.table_cells_max),
           "", "leave out the rows and columns that no rule reads");
    table_.rows.clear();
  }

  // ---- written out
  static bool is_list(const tree::Expr& expr) { return expr.kind == ExprKind::kList; }
  static Value key_literal(const tree::Expr& expr) {
    return expr.kind == ExprKind::kName ? Value::string(expr.name.text) : plain_literal(expr);
  }
  // The type of each key column that is not declared: what all its literals are.
  void type_keys() {
    for (std::size_t i = 0; i < table_.key_names.size(); ++i) {
      if (column_of_key_[i] != kNoColumn) continue;
      std::optional<cep::Type> common;
      for (const tree::Row& row : tree_.rows) {
        if (i >= row.keys.size()) continue;
        const Value value = key_literal(*row.keys[i]);
        if (value.is_missing()) continue;
        const cep::Type type = type_of_value(value);
        const std::optional<cep::Type> joint = common ? common_type(*common, type) : type;
        if (!joint) {
          report(Code::kE0307, row.keys[i]->span,
                 fmt::format("keys of {} are {} and {}", in_code(table_.key_names[i]),
                             type_text(*common), type_text(type)));
          return;
        }
        common = joint;
      }
      if (common) table_.key_types[i] = *common;
      if (table_.key_types[i].kind == TypeKind::kFloat) {
        report(Code::kE0309, tree_.keys[i].span, "a key is one exact value", "not a `float`");
      }
    }
  }
  void read_rows() {
    std::unordered_map<std::string, SourceSpan> seen;
    for (const tree::Row& row : tree_.rows) {
      cep::TableRow made;
      if (!read_key(row, made) || !read_record(row, made)) {
        ok_ = false;
        continue;
      }
      const SourceSpan span = row.keys.front()->span;
      const auto [first, is_new] = seen.emplace(bytes_of(made), span);
      if (!is_new) {
        Diagnostic diagnostic = make_diagnostic(Code::kE0227, span, "two rows with one key");
        diagnostic.labels.push_back({first->second, "the first"});
        context_.sink.report(std::move(diagnostic));
        ok_ = false;
        continue;
      }
      table_.rows.push_back(std::move(made));
    }
    if (ok_ && is_too_large(table_.rows.size())) report_too_large(tree_.name.span);
  }
  bool read_key(const tree::Row& row, cep::TableRow& made) {
    if (row.keys.size() != table_.key_names.size()) {
      report(Code::kE0311, row.span,
             fmt::format("{} has {} key columns, not {}", in_code(table_.name),
                         table_.key_names.size(), row.keys.size()),
             "", "a row's keys are written in parentheses: `(\"DE\", 2026): { … }`");
      return false;
    }
    bool all = true;
    for (std::size_t i = 0; i < row.keys.size(); ++i) {
      tree::Expr word;
      const tree::Expr* literal = row.keys[i].get();
      if (literal->kind == ExprKind::kName && table_.key_types[i].kind == TypeKind::kString) {
        word.kind = ExprKind::kLiteral;
        word.span = literal->span;
        word.literal = cep::OwnedValue(Value::string(literal->name.text));
        literal = &word;
      }
      auto value = coerce_literal(context_, *literal, table_.key_types[i],
                                  in_code(table_.key_names[i]), tree_.keys[i].span);
      if (value && table_.network_key == i) {
        value = written_network(context_, *value, literal->span);
      }
      all = all && value.has_value();
      made.key.push_back(value.value_or(cep::OwnedValue()));
    }
    return all;
  }
  bool read_record(const tree::Row& row, cep::TableRow& made) {
    made.values.resize(table_.columns.size());
    made.lists.resize(table_.columns.size());
    bool all = true;
    std::unordered_set<std::string_view> seen;
    for (const tree::Record::Entry& entry : row.values.entries) {
      if (entry.name.text.empty() || !entry.value) return false;
      const auto column =
          std::ranges::find(table_.columns, entry.name.text, &cep::TableColumn::name);
      if (column == table_.columns.end()) {
        Diagnostic diagnostic = make_diagnostic(
            Code::kE0226, entry.name.span,
            fmt::format("{} has no column {}", in_code(table_.name), in_code(entry.name.text)));
        std::vector<std::string> names;
        for (const cep::TableColumn& other : table_.columns) names.push_back(other.name);
        suggest(context_, diagnostic, entry.name.text, names);
        context_.sink.report(std::move(diagnostic));
        all = false;
        continue;
      }
      if (!seen.insert(entry.name.text).second) {
        report(Code::kE0215, entry.name.span,
               fmt::format("{} appears twice", in_code(entry.name.text)));
        all = false;
        continue;
      }
      const auto index = static_cast<std::size_t>(column - table_.columns.begin());
      all = read_value(*entry.value, index, made) && all;
    }
    for (std::size_t i = 0; i < column_of_key_.size(); ++i) {
      if (column_of_key_[i] != kNoColumn && made.values[column_of_key_[i]].view().is_missing()) {
        made.values[column_of_key_[i]] = made.key[i];
      }
    }
    return all;
  }
  bool read_value(const tree::Expr& expr, std::size_t index, cep::TableRow& made) {
    const cep::TableColumn& column = table_.columns[index];
    if (!column.list_of_string) {
      const auto value = coerce_literal(context_, expr, column.type, in_code(column.name),
                                        column_trees_[index]->type.span);
      if (value) made.values[index] = *value;
      return value.has_value();
    }
    if (!is_list(expr)) {
      if (expr.kind != ExprKind::kError) {
        report(Code::kE0309, expr.span,
               fmt::format("{} is a list of strings", in_code(column.name)), "",
               "write `[\"a\", \"b\"]`");
      }
      return false;
    }
    bool all = true;
    for (const tree::ExprPtr& element : expr.args) {
      const auto value = coerce_literal(context_, *element, plain_type(TypeKind::kString),
                                        in_code(column.name), column_trees_[index]->span);
      all = all && value.has_value();
      if (value) made.lists[index].emplace_back(value->view().text);
    }
    return all;
  }

  // ---- from a file
  void read_file() {
    DataFile* file = open_data_file(context_, *tree_.from);
    if (!file) {
      ok_ = false;
      return;
    }
    DataReport problems(context_, *file, tree_.from->span);
    CsvReader reader(file->text);
    std::vector<CsvCell> cells;
    const auto outcome = reader.next(cells);
    if (reads_other_separator(problems, file->text, cells)) {
      ok_ = false;
      return;
    }
    if (outcome == CsvReader::Outcome::kEnd) {
      problems.add(Code::kE0128, 0, 0, "the file has no header", "", header_help());
      ok_ = false;
      return;
    }
    if (outcome == CsvReader::Outcome::kMalformed || !read_header(problems, cells)) {
      if (outcome == CsvReader::Outcome::kMalformed) {
        problems.add(Code::kE0128, reader.begin(), reader.end(), reader.problem());
      }
      ok_ = false;
      return;
    }
    const std::size_t width = cells.size();
    std::unordered_map<std::string, std::size_t> seen;  // the byte at which the row begins
    while (true) {
      const auto next = reader.next(cells);
      if (next == CsvReader::Outcome::kEnd) break;
      if (next == CsvReader::Outcome::kMalformed) {
        problems.add(Code::kE0128, reader.begin(), reader.end(), reader.problem());
        continue;
      }
      if (cells.size() != width) {
        problems.add(Code::kE0128, cells.front().begin, cells.back().end,
                     fmt::format("a row of {} cell{}; the header has {}", cells.size(),
                                 cells.size() == 1 ? "" : "s", width),
                     "", row_help(*file, cells, width));
        continue;
      }
      add_row(problems, cells, seen);
      if (is_too_large(table_.rows.size())) {
        report_too_large(tree_.from->span);
        break;
      }
    }
    if (problems.count() > 0) ok_ = false;
  }
  static std::string row_help(const DataFile& file, const std::vector<CsvCell>& cells,
                              std::size_t width) {
    const std::string_view text = file.text;
    const std::optional<char> separator = foreign_separator(text.substr(cells.front().begin));
    if (cells.size() < width && separator)
      return fmt::format("its cells are separated by {}, not by commas",
                         separator_name(*separator));
    return cells.size() < width ? "a cell that is missing is empty: `a,,c`"
                                : "a cell that holds a comma is written in double quotes";
  }
  // A header in which semicolons or tabs separate the columns, and which lacks one that is needed.
  bool reads_other_separator(DataReport& problems, std::string_view text,
                             const std::vector<CsvCell>& cells) {
    const std::size_t begin =
        text.find_first_not_of("\r\n", text.starts_with("\xEF\xBB\xBF") ? 3 : 0);
    if (begin == std::string_view::npos) return false;
    const std::optional<char> separator = foreign_separator(text.substr(begin));
    const bool complete = std::ranges::all_of(wanted_names(), [&](const std::string& name) {
      return std::ranges::find(cells, name, &CsvCell::text) != cells.end();
    });
    if (!separator || complete) return false;
    const std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    const std::size_t mark = std::min(text.find(*separator, begin), end);
    problems.add(
        Code::kE0128, mark, mark + 1,
        fmt::format("the columns are separated by {}, not by commas", separator_name(*separator)),
        "a comma is needed here",
        "save the file with commas between the cells, and with a point in its numbers: `" +
            comma_header() + "`");
    return true;
  }
  std::string comma_header() const {
    std::string names;
    for (const std::string& name : wanted_names()) names += (names.empty() ? "" : ",") + name;
    return names;
  }
  std::string header_help() const {
    return fmt::format("its first line names the columns: `{}`", comma_header());
  }
  std::vector<std::string> wanted_names() const {
    std::vector<std::string> names = table_.key_names;
    for (const cep::TableColumn& column : table_.columns) {
      if (std::ranges::find(names, column.name) == names.end()) names.push_back(column.name);
    }
    return names;
  }
  bool read_header(DataReport& problems, const std::vector<CsvCell>& cells) {
    std::unordered_map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!places.emplace(cells[i].text, i).second && !cells[i].text.empty()) {
        problems.add(Code::kE0215, cells[i].begin, cells[i].end,
                     fmt::format("{} appears twice", in_code(cells[i].text)));
      }
    }
    const auto find = [&](const std::string& name) {
      const auto place = places.find(name);
      if (place != places.end()) return place->second;
      problems.add(Code::kE0226, cells.front().begin, cells.back().end,
                   fmt::format("the file has no column {}", in_code(name)), "", header_help());
      return std::size_t{0};
    };
    for (const std::string& key : table_.key_names) cell_of_key_.push_back(find(key));
    for (const cep::TableColumn& column : table_.columns) {
      const bool is_key =
          std::ranges::find(table_.key_names, column.name) != table_.key_names.end();
      const auto place = places.find(column.name);
      cell_of_column_.push_back(is_key && place != places.end() ? place->second
                                : is_key                        ? std::size_t{0}
                                                                : find(column.name));
    }
    return problems.count() == 0;
  }
  void add_row(DataReport& problems, const std::vector<CsvCell>& cells,
               std::unordered_map<std::string, std::size_t>& seen) {
    cep::TableRow made;
    const std::size_t before = problems.count();
    for (std::size_t i = 0; i < cell_of_key_.size(); ++i) {
      const CsvCell& cell = cells[cell_of_key_[i]];
      made.key.push_back(value_of(problems, cell, table_.key_types[i], table_.key_names[i]));
      if (made.key.back().view().is_missing() && problems.count() == before) {
        problems.add(Code::kE0309, cell.begin, std::max(cell.end, cell.begin + 1),
                     fmt::format("a row without its key {}", in_code(table_.key_names[i])));
      }
      if (table_.network_key == i && problems.count() == before) {
        made.key.back() = network_of(problems, cell);
      }
    }
    made.values.resize(table_.columns.size());
    made.lists.resize(table_.columns.size());
    for (std::size_t i = 0; i < table_.columns.size() && problems.count() == before; ++i) {
      const CsvCell& cell = cells[cell_of_column_[i]];
      const cep::TableColumn& column = table_.columns[i];
      if (table_.network_key && column_of_key_[*table_.network_key] == i) {
        made.values[i] = made.key[*table_.network_key];
      } else if (column.list_of_string) {
        split(cell.text, made.lists[i]);
      } else {
        made.values[i] = value_of(problems, cell, column.type, column.name);
      }
    }
    if (problems.count() != before) return;
    const std::size_t begin = cells.front().begin;
    const auto [first, is_new] = seen.emplace(bytes_of(made), begin);
    if (!is_new) {
      const CsvCell& key = cells[cell_of_key_.front()];
      const SourceSpan other = problems.span(first->second, first->second);
      problems.add(Code::kE0227, key.begin, key.end, "two rows with one key",
                   "the first is in " + place_text(context_.sources, other));
      return;
    }
    table_.rows.push_back(std::move(made));
  }
  cep::OwnedValue value_of(DataReport& problems, const CsvCell& cell, const cep::Type& type,
                           const std::string& name) {
    if (cell.text.empty() && !cell.quoted) return {};
    cep::OwnedValue value = cep::parse_value(cell.text, type);
    if (value.view().is_missing()) {
      problems.add(Code::kE0309, cell.begin, cell.end,
                   fmt::format("{} is {}: {} does not fit", in_code(name), type_text(type),
                               in_code(cell.text)),
                   "", data_value_help(type));
    }
    return value;
  }
  static cep::OwnedValue network_of(DataReport& problems, const CsvCell& cell) {
    const auto network = cep::read_network(cell.text);
    if (network) return cep::OwnedValue(Value::string(cep::network_text(*network)));
    problems.add(Code::kE0317, cell.begin, cell.end,
                 fmt::format("{} {}", in_code(cell.text), network.error().what), "",
                 network.error().help);
    return {};
  }
  static void split(std::string_view text, std::vector<std::string>& out) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('|'), text.size());
      if (end > 0) out.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  CheckContext& context_;
  const tree::Table& tree_;
  cep::Table& table_;
  std::vector<std::size_t> column_of_key_;  // by key; kNoColumn where it is not declared
  std::vector<const tree::Column*> column_trees_;
  std::vector<std::size_t> cell_of_key_;
  std::vector<std::size_t> cell_of_column_;
  bool ok_ = true;
};
}  // namespace

void check_tables(CheckContext& context, const std::vector<const tree::Table*>& tables) {
  for (const tree::Table* tree : tables) {
    cep::Table table;
    table.name = tree->name.text;
    const bool read = TableReader(context, *tree, table).read();
    const auto found = context.names.values.find(tree->name.text);
    if (found == context.names.values.end() || found->second.name != &tree->name) continue;
    found->second.broken = tree->broken || !read;
    found->second.table = cep::TableIndex(context.plan.tables.size());
    found->second.table_tree = tree;
    context.plan.tables.push_back(std::move(table));
  }
}
}  // namespace tocsin::rules
