#include "tests/support/declaration_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cep/plan/reference.h"
#include "cep/value/time.h"

namespace tocsin::tests {
namespace {
bool is_network(const cep::Table& table, const cep::TableColumn& column) {
  return table.network_key && table.key_names[*table.network_key] == column.name;
}
}  // namespace

std::string event_source(const ExpressionPrinter& expressions, const cep::EventType& type) {
  std::string out = "event " + type.name;
  if (type.json_type != type.name) out += " from " + quoted(type.json_type);
  out += " {\n";
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const cep::Field& field = type.fields[i];
    out += fmt::format("  {}: {}{}", field.name, cep::type_name(field.type),
                       field.optional ? "?" : "");
    if (!field.computed && field.unit != cep::TimeUnit::kMicroseconds) {
      out += fmt::format(" in {}", cep::time_unit_name(field.unit));
    }
    if (!field.computed && field.type.kind == cep::TypeKind::kTime && field.any_year) {
      out += " from 1970";
    }
    if (type.time_field == cep::FieldIndex(i)) {
      if (field.name != "ts") out += " key";
      if (type.bound.us != 0)
        out += fmt::format(" up to {} late", cep::format_duration(type.bound));
    }
    if (type.id_field == cep::FieldIndex(i)) {
      out += " id";
      if (type.unique) out += " unique";
      if (type.unique && type.unique->within) {
        out += " within " + cep::format_duration(*type.unique->within);
      }
    }
    if (field.pii) out += " pii";
    if (field.evidence) out += " evidence";
    if (field.computed) {
      out += " = " + expressions.expr(nullptr, *field.computed);
    } else if (field.path != std::vector<std::string>{field.name}) {
      std::string path;
      for (const std::string& step : field.path) {
        if (!path.empty() && !step.starts_with('[')) path += '.';
        path += step;
      }
      out += " from " + quoted(path);
    }
    out += ",\n";
  }
  out += "}\n";
  return out;
}

std::string kind_source(const cep::Plan& plan, const ExpressionPrinter& expressions,
                        const std::string& name, const std::vector<cep::Subset>& subsets) {
  std::string out = "kind " + name + " =";
  for (std::size_t i = 0; i < subsets.size(); ++i) {
    if (i > 0) out += " |";
    out += " " + plan.event_types[subsets[i].type.value].name;
    if (subsets[i].condition) out += " where " + expressions.expr(nullptr, *subsets[i].condition);
  }
  out += "\n";
  return out;
}

std::string list_source(const cep::List& list) {
  const bool folds = list.kind == cep::ListKind::kText && !list.ignore_case.empty();
  const std::string type = folds                                  ? "text ignoring case"
                           : list.kind == cep::ListKind::kText    ? "text"
                           : list.kind == cep::ListKind::kRegex   ? "regex"
                           : list.kind == cep::ListKind::kNetwork ? "network"
                                                                  : cep::type_name(list.element);
  std::string out = fmt::format("list {} : {} = [", list.name, type);
  for (std::size_t i = 0; i < list.values.size(); ++i) {
    const cep::Value value = list.values[i].view();
    if (i > 0) out += ", ";
    if (list.kind == cep::ListKind::kRegex) {
      out += fmt::format("/{}/{}", value.text, list.ignore_case[i] ? "i" : "");
    } else {
      out += literal_source(value);
    }
  }
  out += "]\n";
  return out;
}

std::string table_source(const cep::Table& table) {
  std::string out = fmt::format("table {} key {} {{", table.name, fmt::join(table.key_names, ", "));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const cep::TableColumn& column = table.columns[i];
    out += fmt::format("{} {}: {}", i > 0 ? "," : "", column.name,
                       column.list_of_string       ? "list of string"
                       : is_network(table, column) ? "network"
                                                   : cep::type_name(column.type));
  }
  out += " } = {\n";
  for (const cep::TableRow& row : table.rows) {
    std::string key;
    for (const cep::OwnedValue& part : row.key) {
      key += (key.empty() ? "" : ", ") + literal_source(part.view());
    }
    std::string cells;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      std::string cell;
      if (table.columns[i].list_of_string) {
        for (const std::string& text : row.lists[i]) {
          cell += (cell.empty() ? "" : ", ") + quoted(text);
        }
        cell = "[" + cell + "]";
      } else if (row.values[i].view().is_missing()) {
        continue;
      } else {
        cell = literal_source(row.values[i].view());
      }
      cells += fmt::format("{} {}: {}", cells.empty() ? "" : ",", table.columns[i].name, cell);
    }
    if (row.key.size() > 1) key = "(" + key + ")";
    out += fmt::format("  {}: {{{} }},\n", key, cells);
  }
  out += "}\n";
  return out;
}
}  // namespace tocsin::tests
