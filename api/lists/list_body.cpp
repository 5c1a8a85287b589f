#include "api/lists/list_body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cep/value/ip_address.h"
#include "cep/value/value_text.h"
#include "rules/declaration/data_report.h"

namespace tocsin::api {
namespace {
using cep::Entry;
using cep::OwnedValue;
using cep::TableRow;
using cep::TypeKind;
using runtime::ListOrTable;
using simdjson::ondemand::json_type;
using Json = simdjson::ondemand::value;

constexpr std::size_t kPlacesMax = 10;  // that are told
constexpr std::size_t kShownBytes = 40;

bool is_number(const cep::Type& type) {
  return type.kind == TypeKind::kInt || type.kind == TypeKind::kDecimal ||
         type.kind == TypeKind::kFloat;
}
bool is_at_end(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}
std::string shown(std::string_view text) {
  if (text.size() <= kShownBytes) return std::string(text);
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

// Reads entries; the first thing that does not fit is why() then.
class EntryReader {
 public:
  EntryReader(const ListOrTable& what, const ListBodyLimits& limits)
      : what_(what), limits_(limits) {}

  std::optional<Entry> read(Json json) {
    json_type type{};
    if (json.type().get(type) != simdjson::SUCCESS) return no("this is no JSON");
    if (type != json_type::object) {
      if (what_.list == nullptr) return no(R"(a row is {"row": {"COLUMN": …}})");
      return value(json);
    }
    simdjson::ondemand::object object;
    if (json.get_object().get(object) != simdjson::SUCCESS) return no("this is no JSON");
    return members(object);
  }
  // The whole entry is a list's value, as text.
  std::optional<Entry> read_text(std::string_view text) {
    const cep::Type& type = what_.list->list().element;
    const std::optional<OwnedValue> value = what_.list->list().kind == cep::ListKind::kNetwork
                                                ? network(text)
                                                : typed(text, type, "a value");
    if (!value) return std::nullopt;
    std::optional<std::string> key = what_.list->key_of(value->view());
    if (!key) return no("no element of the list can be equal to it");
    return Entry{*std::move(key)};
  }
  const std::string& why() const { return why_; }

 private:
  std::nullopt_t no(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return std::nullopt;
  }

  std::optional<Entry> value(Json json) {
    const std::optional<std::string> text = scalar(json, what_.list->list().element, "a value");
    return text ? read_text(*text) : std::nullopt;
  }

  std::optional<Entry> members(simdjson::ondemand::object object) {
    const std::string_view main = what_.list != nullptr ? "value" : "row";
    std::optional<Entry> entry;
    std::optional<cep::EventTime> until;
    for (auto field : object) {
      std::string_view name;
      Json json;
      if (field.unescaped_key().get(name) != simdjson::SUCCESS ||
          field.value().get(json) != simdjson::SUCCESS) {
        return no("this is no JSON");
      }
      if (name == main) {
        entry = what_.list != nullptr ? value(json) : row(json);
        if (!entry) return no("it does not fit");
      } else if (name == "until") {
        std::string_view text;
        if (json.get_string().get(text) == simdjson::SUCCESS) until = cep::parse_time(text);
        if (!until) return no("`until` is a time with its zone: 2027-01-31T12:00:00Z");
      } else {
        return no(fmt::format("`{}` is no member of an entry: it has `{}` and `until`", shown(name),
                              main));
      }
    }
    if (!entry) return no(fmt::format("an entry has a member `{}`", main));
    if (until) entry->until = *until;
    return entry;
  }

  std::optional<Entry> row(Json json) {
    const cep::Table& table = what_.table->table();
    simdjson::ondemand::object object;
    if (json.get_object().get(object) != simdjson::SUCCESS) {
      return no(R"(a row is {"COLUMN": …})");
    }
    auto row = std::make_shared<TableRow>();
    row->key.resize(table.key_names.size());
    row->values.resize(table.columns.size());
    row->lists.resize(table.columns.size());
    std::vector<bool> has_key(table.key_names.size(), false);
    for (auto field : object) {
      std::string_view escaped;
      Json cell;
      if (field.unescaped_key().get(escaped) != simdjson::SUCCESS ||
          field.value().get(cell) != simdjson::SUCCESS) {
        return no("this is no JSON");
      }
      const std::string name(escaped);
      const auto key = std::ranges::find(table.key_names, name);
      if (key != table.key_names.end()) {
        const auto place = static_cast<std::size_t>(key - table.key_names.begin());
        auto known = typed_scalar(cell, table.key_types[place], name);
        if (known && table.network_key == place) known = network(known->view().text);
        if (!known) return std::nullopt;
        row->key[place] = *known;
        has_key[place] = true;
        // The key is a column too where it is declared with the others.
        const auto same = std::ranges::find(table.columns, name, &cep::TableColumn::name);
        if (same != table.columns.end()) {
          row->values[static_cast<std::size_t>(same - table.columns.begin())] = *known;
        }
        continue;
      }
      const auto column = std::ranges::find(table.columns, name, &cep::TableColumn::name);
      if (column == table.columns.end()) {
        return no(fmt::format("the table has no column `{}`", shown(name)));
      }
      const auto place = static_cast<std::size_t>(column - table.columns.begin());
      if (!read_cell(cell, *column, row->values[place], row->lists[place])) return std::nullopt;
    }
    for (std::size_t i = 0; i < has_key.size(); ++i) {
      if (!has_key[i]) {
        return no(fmt::format("the column `{}` of the key is missing", table.key_names[i]));
      }
    }
    Entry entry;
    entry.key = cep::LookupTable::key_of(table, *row);
    entry.row = std::move(row);
    return entry;
  }

  bool read_cell(Json json, const cep::TableColumn& column, OwnedValue& value,
                 std::vector<std::string>& list) {
    if (!column.list_of_string) {
      bool is_null = false;
      if (json.is_null().get(is_null) == simdjson::SUCCESS && is_null) return true;
      const auto known = typed_scalar(json, column.type, column.name);
      if (known) value = *known;
      return known.has_value();
    }
    simdjson::ondemand::array array;
    const std::string what = fmt::format("`{}` is a list of strings: [\"a\", \"b\"]", column.name);
    if (json.get_array().get(array) != simdjson::SUCCESS) {
      no(what);
      return false;
    }
    for (auto element : array) {
      std::string_view text;
      if (element.get_string().get(text) != simdjson::SUCCESS) {
        no(what);
        return false;
      }
      if (!is_short(text)) return false;
      list.emplace_back(text);
    }
    return true;
  }

  std::optional<OwnedValue> typed_scalar(Json json, const cep::Type& type,
                                         const std::string& name) {
    const std::string what = "`" + name + "`";
    const std::optional<std::string> text = scalar(json, type, what);
    return text ? typed(*text, type, what) : std::nullopt;
  }

  // A number, a boolean or a string, as text: digits as they were sent.
  std::optional<std::string> scalar(Json json, const cep::Type& type, std::string_view what) {
    json_type kind{};
    if (json.type().get(kind) != simdjson::SUCCESS) return no("this is no JSON");
    if (kind == json_type::string) {
      std::string_view text;
      if (json.get_string().get(text) != simdjson::SUCCESS) return no("this is no JSON");
      return std::string(text);
    }
    const bool fits = (kind == json_type::number && is_number(type)) ||
                      (kind == json_type::boolean && type.kind == TypeKind::kBool);
    std::string_view token = json.raw_json_token();
    token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
    if (fits) return std::string(token);
    return no(fmt::format("{} is a {}, and this is {}", what, cep::type_name(type),
                          kind == json_type::number || kind == json_type::boolean
                              ? shown(token) + ", not in quotes"
                              : std::string("no such value")));
  }

  bool is_short(std::string_view text) {
    if (text.size() <= limits_.value_bytes_max) return true;
    no(fmt::format("a text has {} bytes, and may have {} (lists.value_bytes_max)", text.size(),
                   limits_.value_bytes_max));
    return false;
  }

  std::optional<OwnedValue> typed(std::string_view text, const cep::Type& type,
                                  std::string_view what) {
    if (!is_short(text)) return std::nullopt;
    OwnedValue value = cep::parse_value(text, type);
    if (!value.view().is_missing()) return value;
    return no(fmt::format("{} is a {}, and \"{}\" is none: {}", what, cep::type_name(type),
                          shown(text), rules::data_value_help(type)));
  }

  // As it is written everywhere.
  std::optional<OwnedValue> network(std::string_view text) {
    if (!is_short(text)) return std::nullopt;
    const auto network = cep::read_network(text);
    if (network) return OwnedValue(cep::Value::string(cep::network_text(*network)));
    return no(
        fmt::format("\"{}\" {}: {}", shown(text), network.error().what, network.error().help));
  }

  const ListOrTable& what_;
  const ListBodyLimits& limits_;
  std::string why_;
};

class BodyReader {
 public:
  BodyReader(const ListOrTable& what, const ListBodyLimits& limits)
      : what_(what), limits_(limits) {}

  bool read_json(std::string_view body) {
    const simdjson::padded_string padded(body);
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    json_type kind{};
    simdjson::ondemand::array array;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.type().get(kind) != simdjson::SUCCESS) {
      return broken("the body is no JSON");
    }
    bool is_there = false;
    if (kind == json_type::object) {
      simdjson::ondemand::object object;
      if (document.get_object().get(object) != simdjson::SUCCESS) {
        return broken("the body is no JSON");
      }
      is_there = object["entries"].get_array().get(array) == simdjson::SUCCESS;
    } else {
      is_there = document.get_array().get(array) == simdjson::SUCCESS;
    }
    if (!is_there) return broken(R"(the body is {"entries": […]}, or […])");
    for (auto element : array) {
      Json json;
      if (element.get(json) != simdjson::SUCCESS) return broken("the body is no JSON");
      EntryReader reader(what_, limits_);
      if (!take(reader.read(json), reader, "entry")) return false;
      // What was not read of an entry that does not fit is passed over by the iterator.
    }
    if (kind == json_type::array && !is_at_end(document)) {
      return broken("there is more behind the array");
    }
    return true;
  }

  bool read_lines(std::string_view body, bool is_plain) {
    if (!simdjson::validate_utf8(body.data(), body.size())) {
      return broken("the body is not valid UTF-8");
    }
    simdjson::ondemand::parser parser;
    std::string line;
    for (std::size_t begin = 0; begin < body.size();) {
      const std::size_t end = std::min(body.find('\n', begin), body.size());
      std::string_view text = body.substr(begin, end - begin);
      begin = end + 1;
      ++line_;
      const std::size_t first = text.find_first_not_of(" \t\r");
      if (first == std::string_view::npos) continue;
      text = text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
      EntryReader reader(what_, limits_);
      std::optional<Entry> entry;
      if (is_plain && text.front() == '#') continue;
      if (is_plain && text.front() != '"') {
        entry = reader.read_text(text);
      } else {
        // A value of its own is not what an ondemand document is made for: an array around it is.
        line.assign("[").append(text).append("]");
        line.reserve(line.size() + simdjson::SIMDJSON_PADDING);
        entry = read_line(parser, line, reader);
      }
      if (!take(std::move(entry), reader, "line")) return false;
    }
    return true;
  }

  std::vector<Entry> entries;
  ListBodyError error;

 private:
  static std::optional<Entry> read_line(simdjson::ondemand::parser& parser, const std::string& line,
                                        EntryReader& reader) {
    simdjson::ondemand::document document;
    simdjson::ondemand::array array;
    if (parser.iterate(line.data(), line.size(), line.capacity()).get(document) !=
            simdjson::SUCCESS ||
        document.get_array().get(array) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    std::optional<Entry> entry;
    std::size_t count = 0;
    for (auto element : array) {
      Json json;
      if (element.get(json) != simdjson::SUCCESS) return std::nullopt;
      entry = reader.read(json);
      if (!entry) return entry;
      ++count;
    }
    return count == 1 && is_at_end(document) ? entry : std::nullopt;
  }

  bool broken(std::string detail) {
    error.detail = std::move(detail);
    return false;
  }
  // False where there is nothing to go on with.
  bool take(std::optional<Entry> entry, const EntryReader& reader, std::string_view unit) {
    const std::size_t place = unit == "line" ? line_ : ++place_;
    if (!entry) {
      error.places.push_back(
          fmt::format("{} {}: {}", unit, place,
                      reader.why().empty() ? "it is not a JSON value of an entry" : reader.why()));
      return error.places.size() < kPlacesMax;
    }
    if (entries.size() == limits_.entries_max) {
      error.is_too_large = true;
      return broken(
          fmt::format("there are more than {} entries (lists.entries_max)", limits_.entries_max));
    }
    entries.push_back(*std::move(entry));
    return true;
  }

  const ListOrTable& what_;
  const ListBodyLimits& limits_;
  std::size_t place_ = 0;
  std::size_t line_ = 0;
};
}  // namespace

tl::expected<std::vector<Entry>, ListBodyError> read_list_body(const ListOrTable& what,
                                                               std::string_view media_type,
                                                               std::string_view body,
                                                               const ListBodyLimits& limits) {
  BodyReader reader(what, limits);
  const bool is_plain = media_type == "text/plain";
  if (is_plain && what.list == nullptr) {
    return tl::unexpected(ListBodyError{false, "rows of a table must be JSON or NDJSON", {}});
  }
  if (is_plain || media_type == "application/x-ndjson") {
    reader.read_lines(body, is_plain);
  } else {
    reader.read_json(body);
  }
  ListBodyError& error = reader.error;
  if (error.detail.empty() && error.places.empty()) return std::move(reader.entries);
  if (error.detail.empty()) {
    error.detail = fmt::format("{}{}; nothing was changed", error.places.front(),
                               error.places.size() > 1 ? ", and others do not fit either" : "");
  }
  return tl::unexpected(std::move(error));
}

tl::expected<Entry, ListBodyError> read_list_value(const ListOrTable& what, std::string_view text,
                                                   const ListBodyLimits& limits) {
  EntryReader reader(what, limits);
  std::optional<Entry> entry = reader.read_text(text);
  if (entry) return *std::move(entry);
  return tl::unexpected(ListBodyError{false, reader.why(), {}});
}

namespace {
// Whether JSON has a value of the type, written so, without quotes.
bool is_bare(const cep::Type& type, std::string_view text) {
  if (type.kind == cep::TypeKind::kBool) return text == "true" || text == "false";
  const bool is_number = type.kind == cep::TypeKind::kInt || type.kind == cep::TypeKind::kDecimal ||
                         type.kind == cep::TypeKind::kFloat;
  return is_number && !text.empty() &&
         text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}
}  // namespace

// By a body of one row, whose key it is.
tl::expected<cep::Entry, ListBodyError> read_row_key(const runtime::ListOrTable& what,
                                                     const KeyParts& key,
                                                     const ListBodyLimits& limits) {
  const cep::Table& table = what.table->table();
  std::string body = R"({"row":{)";
  for (const auto& [name, value] : key) {
    if (body.back() != '{') body += ',';
    cep::append_json_string(body, name);
    body += ':';
    const auto column = std::ranges::find(table.key_names, name);
    const auto place = static_cast<std::size_t>(column - table.key_names.begin());
    if (column != table.key_names.end() && is_bare(table.key_types[place], value)) {
      body += value;
    } else {
      cep::append_json_string(body, value);
    }
  }
  auto entries = read_list_body(what, "application/x-ndjson", body + "}}", limits);
  if (entries && entries->size() == 1) return std::move(entries->front());
  return tl::unexpected(ListBodyError{false,
                                      entries || entries.error().places.empty()
                                          ? std::string("it names the columns of a row's key")
                                          : entries.error().places.front(),
                                      {}});
}
}  // namespace tocsin::api
