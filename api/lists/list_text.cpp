#include "api/lists/list_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "cep/plan/plan.h"
#include "cep/value/value_text.h"

namespace tocsin::api {
namespace {
using runtime::ListOrTable;

void append_text_member(std::string& to, std::string_view name, std::string_view text) {
  cep::append_json_string(to, name);
  to += ':';
  cep::append_json_string(to, text);
}

// As a body has it: numbers and booleans as such, all else as text.
void append_value(std::string& to, const cep::Value& value) {
  using Kind = cep::ValueKind;
  const bool is_text = value.kind == Kind::kString || value.kind == Kind::kEnum ||
                       value.kind == Kind::kTime || value.kind == Kind::kDate ||
                       value.kind == Kind::kDuration;
  if (is_text) {
    cep::append_json_string(to, cep::to_text(value));
  } else {
    cep::append_json(to, value);
  }
}

// A column of the key that is declared with the others.
bool is_key(const cep::Table& table, const cep::TableColumn& column) {
  return std::ranges::find(table.key_names, column.name) != table.key_names.end();
}

void append_row(std::string& to, const cep::Table& table, const cep::TableRow& row) {
  to += '{';
  for (std::size_t i = 0; i < table.key_names.size(); ++i) {
    if (i > 0) to += ',';
    cep::append_json_string(to, table.key_names[i]);
    to += ':';
    append_value(to, row.key[i].view());
  }
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (is_key(table, table.columns[i])) continue;
    to += ',';
    cep::append_json_string(to, table.columns[i].name);
    to += ':';
    if (!table.columns[i].list_of_string) {
      append_value(to, row.values[i].view());
      continue;
    }
    to += '[';
    for (const std::string& text : row.lists[i]) {
      if (to.back() != '[') to += ',';
      cep::append_json_string(to, text);
    }
    to += ']';
  }
  to += '}';
}

}  // namespace

std::string entry_text(const ListOrTable& what, const cep::EntrySet::Seen& seen,
                       cep::EventTime now) {
  std::string text;
  if (what.list != nullptr) {
    text += R"({"value":)";
    append_value(text, what.list->value_of(seen.key).view());
  } else {
    text += R"({"row":)";
    append_row(text, what.table->table(), *seen.row);
  }
  text += seen.is_declared ? R"(,"origin":"declared")" : R"(,"origin":"added")";
  if (seen.until != cep::kEventTimeMax) {
    text += ',';
    append_text_member(text, "until", cep::format_time(seen.until));
    if (seen.until <= now) text += R"(,"ended":true)";
  }
  return text;
}

std::string declared_text(const cep::OwnedValue& value) {
  std::string text = R"({"value":)";
  append_value(text, value.view());
  return text + R"(,"origin":"declared")";
}

void append_note(std::string& to, const EntryNote& note) {
  to += ',';
  append_text_member(to, "who", note.who);
  to += ',';
  append_text_member(to, "at", cep::format_time(note.at));
  if (note.comment.empty()) return;
  to += ',';
  append_text_member(to, "comment", note.comment);
}

void append_list_head(std::string& to, const std::string& name, const ListOrTable& what,
                      std::uint64_t revision) {
  to += '{';
  append_text_member(to, "name", name);
  if (what.list != nullptr) {
    to += ',';
    append_text_member(to, "type", cep::type_name(what.list->list()));
    to += fmt::format(R"(,"changeable":{})", what.list->may_change());
  } else {
    const cep::Table& table = what.table->table();
    to += R"(,"key":{)";
    for (std::size_t i = 0; i < table.key_names.size(); ++i) {
      if (i > 0) to += ',';
      append_text_member(to, table.key_names[i], what.table->key_type_name(i));
    }
    to += R"(},"columns":{)";
    for (const cep::TableColumn& column : table.columns) {
      if (is_key(table, column)) continue;
      if (to.back() != '{') to += ',';
      append_text_member(to, column.name,
                         column.list_of_string ? "list of string" : cep::type_name(column.type));
    }
    to += '}';
  }
  const cep::EntrySet& entries = what.entries();
  to += fmt::format(R"(,"size":{},"declared":{},"replaced":{},"added":{},"removed":{},"record":{})",
                    entries.size(), entries.declared(), entries.is_replaced(), entries.added(),
                    entries.removed(), revision);
}
}  // namespace tocsin::api
