#include "runtime/journal/list_change.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <optional>
#include <utility>

#include "cep/value/ip_address.h"
#include "cep/value/value.h"
#include "cep/value/value_text.h"

namespace tocsin::runtime {
namespace {
using cep::Entry;
using cep::EventTime;
using cep::OwnedValue;
using cep::TableRow;

constexpr std::array kActions = {"add", "remove", "replace", "reset"};
static_assert(kActions.size() == static_cast<std::size_t>(ListAction::kReset) + 1);

void append_texts(std::string& to, const std::vector<std::string>& texts) {
  to += '[';
  for (const std::string& text : texts) {
    if (!to.ends_with('[')) to += ',';
    cep::append_json_string(to, text);
  }
  to += ']';
}

void append_row(std::string& to, const TableRow& row, const cep::Table& table) {
  to += '[';
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) to += ',';
    if (table.columns[i].list_of_string) {
      append_texts(to, row.lists[i]);
    } else if (row.values[i].view().is_missing()) {
      to += "null";
    } else {
      cep::append_json_string(to, cep::to_text(row.values[i].view()));
    }
  }
  to += ']';
}

using Element = simdjson::dom::element;
using Array = simdjson::dom::array;

std::optional<std::vector<std::string>> read_texts(const Element& element) {
  Array array;
  if (element.get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::string> texts;
  for (const Element one : array) {
    std::string_view text;
    if (one.get(text) != simdjson::SUCCESS) return std::nullopt;
    texts.emplace_back(text);
  }
  return texts;
}

class EntryReader {
 public:
  explicit EntryReader(const ListOrTable& what) : what_(what) {}

  std::optional<Entry> read(const Element& element) const {
    return what_.list != nullptr ? read_value(element) : read_row(element);
  }

 private:
  std::optional<Entry> read_value(const Element& element) const {
    std::string_view text;
    Entry entry;
    if (element.get(text) != simdjson::SUCCESS) {
      Array both;
      std::int64_t until = 0;
      if (element.get(both) != simdjson::SUCCESS || both.size() != 2 ||
          both.at(0).get(text) != simdjson::SUCCESS || both.at(1).get(until) != simdjson::SUCCESS) {
        return std::nullopt;
      }
      entry.until = EventTime{until};
    }
    const OwnedValue value = cep::parse_value(text, what_.list->list().element);
    if (value.view().is_missing()) return std::nullopt;
    std::optional<std::string> key = what_.list->key_of(value.view());
    if (!key) return std::nullopt;
    entry.key = *std::move(key);
    return entry;
  }

  std::optional<Entry> read_row(const Element& element) const {
    const cep::Table& table = what_.table->table();
    Array parts;
    if (element.get(parts) != simdjson::SUCCESS || parts.size() < 1 || parts.size() > 3) {
      return std::nullopt;
    }
    const auto keys = read_texts(parts.at(0));
    if (!keys || keys->size() != table.key_types.size()) return std::nullopt;
    auto row = std::make_shared<TableRow>();
    for (std::size_t i = 0; i < keys->size(); ++i) {
      row->key.push_back(cep::parse_value((*keys)[i], table.key_types[i]));
      if (row->key.back().view().is_missing()) return std::nullopt;
      if (table.network_key == i && !cep::read_network((*keys)[i])) return std::nullopt;
    }
    Entry entry;
    entry.key = cep::LookupTable::key_of(table, *row);
    if (parts.size() == 1) {
      entry.row = std::move(row);
      return entry;
    }
    Array cells;
    if (parts.at(1).get(cells) != simdjson::SUCCESS || cells.size() != table.columns.size()) {
      return std::nullopt;
    }
    std::size_t column = 0;
    for (const Element cell : cells) {
      if (!read_cell(cell, table.columns[column++], *row)) return std::nullopt;
    }
    if (parts.size() == 3) {
      std::int64_t until = 0;
      if (parts.at(2).get(until) != simdjson::SUCCESS) return std::nullopt;
      entry.until = EventTime{until};
    }
    entry.row = std::move(row);
    return entry;
  }

  static bool read_cell(const Element& cell, const cep::TableColumn& column, TableRow& row) {
    std::vector<std::string>& list = row.lists.emplace_back();
    OwnedValue& value = row.values.emplace_back();
    if (column.list_of_string) {
      auto texts = read_texts(cell);
      if (!texts) return false;
      list = *std::move(texts);
      return true;
    }
    if (cell.is_null()) return true;
    std::string_view text;
    if (cell.get(text) != simdjson::SUCCESS) return false;
    value = cep::parse_value(text, column.type);
    return !value.view().is_missing();
  }

  const ListOrTable& what_;
};
}  // namespace

std::string describe(const ListName& name) {
  return fmt::format("the {} {}", name.is_table ? "table" : "list", name.name);
}

ListOrTable find_list(cep::ReferenceData& data, const ListName& name) {
  if (name.is_table) return {nullptr, data.table(name.name)};
  return {data.list(name.name), nullptr};
}

std::string shape_of(const ListOrTable& what) {
  if (what.list != nullptr) {
    return what.list->may_change() ? cep::type_name(what.list->list())
                                   : std::string("searched for");
  }
  const cep::Table& table = what.table->table();
  std::string shape;
  for (std::size_t i = 0; i < table.key_names.size(); ++i) {
    shape += fmt::format("key {}: {}, ", table.key_names[i], what.table->key_type_name(i));
  }
  for (const cep::TableColumn& column : table.columns) {
    shape += fmt::format("{}: {}, ", column.name,
                         column.list_of_string ? "list of string" : cep::type_name(column.type));
  }
  return shape;
}

std::string write_list_command(const ListCommand& command) {
  std::string json = command.name.is_table ? R"({"table":)" : R"({"list":)";
  cep::append_json_string(json, command.name.name);
  json +=
      fmt::format(R"(,"do":"{}","who":)", kActions.at(static_cast<std::size_t>(command.action)));
  cep::append_json_string(json, command.who);
  json += fmt::format(R"(,"count":{})", command.count);
  if (!command.entries.empty()) json += R"(,"entries":)" + command.entries;
  return json + "}";
}

Result<ListCommand> read_list_command(std::string_view json) {
  simdjson::dom::parser parser;
  Element root;
  ListCommand command;
  std::string_view name;
  std::string_view action;
  std::string_view who;
  std::uint64_t count = 0;
  const auto corrupt = [] { return fail(Errc::kCorrupt, "a change of a list is damaged"); };
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return corrupt();
  command.name.is_table = root["table"].get(name) == simdjson::SUCCESS;
  if ((!command.name.is_table && root["list"].get(name) != simdjson::SUCCESS) ||
      root["do"].get(action) != simdjson::SUCCESS || root["who"].get(who) != simdjson::SUCCESS ||
      root["count"].get(count) != simdjson::SUCCESS) {
    return corrupt();
  }
  const auto* const known = std::ranges::find(kActions, action);
  if (known == kActions.end()) return corrupt();
  command.action = static_cast<ListAction>(known - kActions.begin());
  command.name.name = name;
  command.who = who;
  command.count = count;
  Element entries;
  if (root["entries"].get(entries) == simdjson::SUCCESS) {
    command.entries = simdjson::minify(entries);
  }
  return command;
}

std::string write_entries(const ListOrTable& what, const std::vector<Entry>& entries) {
  std::string json = "[";
  for (const Entry& entry : entries) {
    if (json.size() > 1) json += ',';
    const bool has_end = entry.until != cep::kEventTimeMax;
    if (what.list != nullptr) {
      if (has_end) json += '[';
      cep::append_json_string(json, cep::to_text(what.list->value_of(entry.key).view()));
      if (has_end) json += fmt::format(",{}]", entry.until.us);
      continue;
    }
    json += '[';
    std::vector<std::string> keys;
    for (const OwnedValue& part : entry.row->key) keys.push_back(cep::to_text(part.view()));
    append_texts(json, keys);
    if (!entry.row->values.empty()) {
      json += ',';
      append_row(json, *entry.row, what.table->table());
      if (has_end) json += fmt::format(",{}", entry.until.us);
    }
    json += ']';
  }
  return json + "]";
}

Result<std::vector<Entry>> read_entries(const ListOrTable& what, std::string_view json) {
  simdjson::dom::parser parser;
  Element root;
  Array array;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root.get(array) != simdjson::SUCCESS) {
    return fail(Errc::kCorrupt, "the entries of a list are damaged");
  }
  const EntryReader reader(what);
  std::vector<Entry> entries;
  entries.reserve(array.size());
  for (const Element element : array) {
    std::optional<Entry> entry = reader.read(element);
    if (!entry) {
      return fail(Errc::kCorrupt,
                  fmt::format("entry {} of a list does not fit it", entries.size() + 1));
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}
}  // namespace tocsin::runtime
