#include "api/alerts/alert_line.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
// Where the value that begins at `at` ends.
std::size_t value_end(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (; at < text.size(); ++at) {
    const char letter = text[at];
    if (letter == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
      if (depth == 0) return std::min(at + 1, text.size());
    } else if (letter == '{' || letter == '[') {
      ++depth;
    } else if (letter == '}' || letter == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (letter == ',' && depth == 0) {
      return at;
    }
  }
  return text.size();
}
std::string_view without_quotes(std::string_view text) { return text.substr(1, text.size() - 2); }

bool is_number(std::string_view cell) {
  if (cell.starts_with('-')) cell.remove_prefix(1);
  const auto is_digit = [](char letter) { return letter >= '0' && letter <= '9'; };
  if (cell.empty() || !is_digit(cell.front())) return false;
  return std::ranges::all_of(cell, [&](char letter) { return is_digit(letter) || letter == '.'; });
}
void append_cell(std::string& row, std::string_view cell) {
  constexpr std::string_view kFormula("=+-@\t\r");
  const bool is_formula = !cell.empty() && kFormula.find(cell.front()) != kFormula.npos;
  std::string safe;
  if (is_formula && !is_number(cell)) safe = "'";
  safe += cell;
  if (!row.empty()) row += ',';
  if (safe.find_first_of(",\"\r\n") == std::string::npos) {
    row += safe;
    return;
  }
  row += '"';
  for (const char letter : safe) {
    if (letter == '"') row += '"';
    row += letter;
  }
  row += '"';
}
// What a column shows of an alert's members; beside these stand key, tags, fields and events.
constexpr std::array kPlain = {"id",      "revision", "time",     "rule",
                               "version", "title",    "severity", "score"};
}  // namespace

JsonMembers json_members(std::string_view object) {
  JsonMembers members;
  std::size_t at = 1;
  while (at < object.size() && object[at] == '"') {
    const std::size_t name_end = value_end(object, at);
    const std::string_view name = without_quotes(object.substr(at, name_end - at));
    const std::size_t end = value_end(object, std::min(name_end + 1, object.size()));
    members.emplace_back(name, object.substr(name_end + 1, end - name_end - 1));
    at = end + 1;
  }
  return members;
}

std::string_view json_member(std::string_view object, std::string_view name) {
  for (const auto& [own, value] : json_members(object)) {
    if (own == name) return value;
  }
  return {};
}

std::string json_characters(std::string_view value) {
  if (!value.starts_with('"')) return std::string(value);
  if (value.find('\\') == std::string_view::npos) return std::string(without_quotes(value));
  const auto text = nlohmann::json::parse(value, nullptr, false);
  return text.is_string() ? text.get<std::string>() : std::string(value);
}

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  for (std::size_t at = 1; at < array.size() && array[at] != ']';) {
    const std::size_t end = value_end(array, at);
    elements.push_back(array.substr(at, end - at));
    at = end + 1;
  }
  return elements;
}

std::string_view alert_csv_head() {
  return "id,revision,time,rule,version,title,severity,score,key,status,message,tags,fields,"
         "events\r\n";
}

std::string alert_csv_row(std::string_view line, std::string_view status) {
  const JsonMembers members = json_members(line);
  const auto member = [&](std::string_view name) {
    const auto found = std::ranges::find(members, name, &JsonMembers::value_type::first);
    return found == members.end() ? std::string_view() : found->second;
  };
  std::string row;
  for (const char* const name : kPlain) append_cell(row, json_characters(member(name)));
  std::string key;
  for (const auto& [name, value] : json_members(member("key"))) {
    if (!key.empty()) key += ' ';
    key.append(name).append("=").append(json_characters(value));
  }
  append_cell(row, key);
  append_cell(row, status);
  append_cell(row, json_characters(member("message")));
  std::string tags;
  for (const std::string_view tag : json_elements(member("tags"))) {
    if (!tags.empty()) tags += ' ';
    tags += json_characters(tag);
  }
  append_cell(row, tags);
  append_cell(row, member("fields"));
  append_cell(row, member("events"));
  return row + "\r\n";
}
}  // namespace tocsin::api
