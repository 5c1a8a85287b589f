#include "api/server/list_handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/node/event_body.h"
#include "api/node/list_body.h"
#include "api/node/node_report.h"
#include "api/pages/page_cursor.h"
#include "api/rest/json_body.h"
#include "cep/value/identity.h"
#include "runtime/journal/blob_store.h"
#include "runtime/node/list_changes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::ListAction;
using runtime::ListChange;
using runtime::ListChanged;
using runtime::ListName;
using runtime::ListOrTable;

constexpr std::int64_t kPageUsual = 1'000;
// More stand in a blob, which this thread writes.
constexpr std::size_t kTextBytesMax = std::size_t{16} << 10;

HttpResponse not_there(const Lists& lists, const ListName& name) {
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("the rules have no {} {}", lists.word(), name.name));
}

// As a client names the state that it has read: what is declared, and the last change.
std::string etag_of(const runtime::Node& node, const ListName& name) {
  return fmt::format("\"{}-{}\"", cep::hex(node.settings().data).substr(0, 16),
                     node.lists().revision(name));
}

// ---- what they hold, as text: decimals have all their digits

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

void append_entry(std::string& to, const ListOrTable& what, const cep::EntrySet::Seen& seen,
                  cep::EventTime now) {
  if (what.list != nullptr) {
    to += R"({"value":)";
    append_value(to, what.list->value_of(seen.key).view());
  } else {
    to += R"({"row":)";
    append_row(to, what.table->table(), *seen.row);
  }
  to += seen.is_declared ? R"(,"origin":"declared")" : R"(,"origin":"added")";
  if (seen.until != cep::kEventTimeMax) {
    to += ',';
    append_text_member(to, "until", cep::format_time(seen.until));
    if (seen.until <= now) to += R"(,"ended":true)";
  }
  to += '}';
}

// What a list or table is, without its entries, and without the closing brace.
void append_head(std::string& to, const runtime::Node& node, const ListName& name,
                 const ListOrTable& what) {
  to += '{';
  append_text_member(to, "name", name.name);
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
                    entries.removed(), node.lists().revision(name));
}

HttpResponse text_response(std::string text, const std::string& etag) {
  HttpResponse response{200, {}, "application/json", std::move(text) + "\n"};
  if (!etag.empty()) response.headers.push_back({"ETag", etag});
  return response;
}

// ---- changes

// A list or table as the rules declare it, and the rules, which own it. Only read, by any thread:
// the node changes its own.
struct Declared {
  std::shared_ptr<const CurrentRules> rules;
  ListOrTable what;
};
std::optional<Declared> declared(const Lists& lists, const ListName& name) {
  Declared found{lists.context.rules.current(), {}};
  found.what = find_list(found.rules->rules.program->data(), name);
  if (found.what.list == nullptr && found.what.table == nullptr) return std::nullopt;
  return found;
}

ListBodyLimits limits_of(const ServerContext& context) {
  return {static_cast<std::size_t>(context.configuration.integer("lists.entries_max")),
          static_cast<std::size_t>(context.configuration.integer("lists.value_bytes_max"))};
}

HttpResponse body_problem(const ListBodyError& error) {
  const ordered_json more =
      error.places.empty() ? ordered_json::object() : ordered_json{{"entries", error.places}};
  return problem_response(error.is_too_large ? ProblemKind::kTooLarge : ProblemKind::kBadBody,
                          error.detail, more);
}

tl::expected<std::string, HttpResponse> read_body(const Lists& lists, ApiRequest& request,
                                                  BodyBudget::Hold& hold) {
  const std::string encoding(request.http.head().header("content-encoding").value_or(""));
  const auto most = lists.context.configuration.integer("http.unpacked_bytes_max");
  auto unpacked =
      unpack_body(request.http.take_body(), encoding, static_cast<std::size_t>(most), hold);
  if (!unpacked) return tl::unexpected(problem_of_fault(unpacked.error()));
  return *std::move(unpacked);
}

std::string media_type_of(const RequestHead& head) {
  std::string type(head.header("content-type").value_or("application/json"));
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::ranges::transform(type, type.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  return type;
}

// Journals the change and waits for the disk.
HttpResponse carry_out(const Lists& lists, const ApiRequest& request, const ListName& name,
                       ListAction action, std::vector<cep::Entry> entries) {
  ServerContext& context = lists.context;
  const std::shared_ptr<const CurrentRules> rules = context.rules.current();
  Result<ListChange> change = runtime::prepare_list_change(*rules->rules.program, name, action,
                                                           request.grant.name, std::move(entries));
  if (!change) return problem_of_error(change.error());
  if (action == ListAction::kReplace || change->text.size() > kTextBytesMax) {
    const std::lock_guard lock(*lists.writing);
    runtime::BlobStore blobs = runtime::BlobStore::look(context.files, context.paths.blobs);
    const Result<cep::Digest> digest = blobs.put(change->text);
    if (!digest) return problem_of_error(digest.error());
    change->blob = runtime::CheckpointBlob{role_of(name), change->text.size(), *digest};
  }
  const auto wanted = request.http.head().header("if-match");
  std::string etag;
  bool is_stale = false;
  Result<ListChanged> done;
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        etag = etag_of(node, name);
        is_stale = wanted && *wanted != "*" && *wanted != etag;
        if (is_stale) return;
        done = node.change_list(*change);
        etag = etag_of(node, name);
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (is_stale) {
    return problem_response(
        ProblemKind::kStale,
        fmt::format("{} is not what If-Match says: it was changed; read it again",
                    runtime::describe(name)));
  }
  if (!done) {
    // A list that is full stays full, where another limit passes.
    if (done.error().code == Errc::kLimit) {
      return problem_response(ProblemKind::kConflict, done.error().message);
    }
    return problem_of_error(done.error());
  }
  if (const auto durable = context.node.wait_durable(done->record, kDiskPatience); !durable) {
    return refusal_response(durable.error());
  }
  HttpResponse response = json_response(200, {{std::string(lists.word()), name.name},
                                              {"changed", done->changed},
                                              {"size", done->size},
                                              {"record", done->record}});
  response.headers.push_back({"ETag", etag});
  return response;
}

// One value of a list, in the path.
tl::expected<cep::Entry, HttpResponse> value_of_path(const Lists& lists, const ApiRequest& request,
                                                     const ListName& name) {
  const std::optional<Declared> found = declared(lists, name);
  if (!found) return tl::unexpected(not_there(lists, name));
  auto entry = read_list_value(found->what, *request.text("value"), limits_of(lists.context));
  if (entry) return *std::move(entry);
  return tl::unexpected(problem_response(ProblemKind::kBadParameter, entry.error().detail));
}
}  // namespace

HttpResponse get_lists(const Lists& lists) {
  std::string text = lists.are_tables ? R"({"tables":[)" : R"({"lists":[)";
  const Served<void> asked = lists.context.node.ask(
      [&](runtime::Node& node) {
        cep::ReferenceData& data = node.program().data();
        const auto append = [&](const std::string& name, const ListOrTable& what) {
          if (text.back() != '[') text += ',';
          append_head(text, node, {lists.are_tables, name}, what);
          text += '}';
        };
        if (lists.are_tables) {
          for (cep::LookupTable& table : data.tables) append(table.table().name, {nullptr, &table});
        } else {
          for (cep::ListProgram& list : data.lists) append(list.list().name, {&list, nullptr});
        }
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  return text_response(text + "]}", "");
}

HttpResponse get_list(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const auto most = static_cast<std::size_t>(request.integer("limit").value_or(kPageUsual));
  std::optional<std::string> after;
  if (const auto cursor = request.text("cursor")) {
    after = read_key_cursor(*cursor);
    if (!after) {
      return problem_response(ProblemKind::kBadParameter,
                              "cursor must be the unchanged `next` of the previous page");
    }
  }
  std::string text;
  std::string etag;
  const Served<void> asked = lists.context.node.ask(
      [&](runtime::Node& node) {
        const ListOrTable what = find_list(node.program().data(), name);
        if (what.list == nullptr && what.table == nullptr) return;
        etag = etag_of(node, name);
        append_head(text, node, name, what);
        text += lists.are_tables ? R"(,"rows":[)" : R"(,"entries":[)";
        if (what.list != nullptr && !what.list->may_change()) {
          // Searched for in the order of the rules; few, and never changed.
          for (const cep::OwnedValue& value : what.list->list().values) {
            if (text.back() != '[') text += ',';
            text += R"({"value":)";
            append_value(text, value.view());
            text += R"(,"origin":"declared"})";
          }
          text += "]}";
          return;
        }
        std::size_t count = 0;
        std::string last;
        bool is_more = false;
        const cep::EventTime now = node.intake().watermark();
        what.entries().walk(after, [&](const cep::EntrySet::Seen& seen) {
          is_more = count == most;
          if (is_more) return false;
          if (count++ > 0) text += ',';
          append_entry(text, what, seen, now);
          last = seen.key;
          return true;
        });
        text += ']';
        if (is_more) text += fmt::format(R"(,"next":"{}")", key_cursor(last));
        text += '}';
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (etag.empty()) return not_there(lists, name);
  return text_response(std::move(text), etag);
}

HttpResponse change_list_by_body(const Lists& lists, ApiRequest& request, ListAction action) {
  const ListName name = lists.name(request);
  const std::optional<Declared> found = declared(lists, name);
  if (!found) return not_there(lists, name);
  BodyBudget::Hold hold(lists.context.bodies);
  const auto body = read_body(lists, request, hold);
  if (!body) return body.error();
  auto entries = read_list_body(found->what, media_type_of(request.http.head()), *body,
                                limits_of(lists.context));
  if (!entries) return body_problem(entries.error());
  return carry_out(lists, request, name, action, *std::move(entries));
}

HttpResponse reset_list(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  if (!declared(lists, name)) return not_there(lists, name);
  return carry_out(lists, request, name, ListAction::kReset, {});
}

namespace {
// The list's or table's own entry of this key; 404 where it has none. `word`: what it is called.
HttpResponse found_entry(const Lists& lists, const ListName& name, const cep::Entry& entry,
                         std::string_view word) {
  std::string text;
  const Served<void> asked = lists.context.node.ask(
      [&](runtime::Node& node) {
        const ListOrTable what = find_list(node.program().data(), name);
        if (what.list == nullptr && what.table == nullptr) return;
        const auto seen = what.entries().find(entry.key);
        if (seen) append_entry(text, what, *seen, node.intake().watermark());
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (!text.empty()) return text_response(std::move(text), "");
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("{} has no such {}", runtime::describe(name), word));
}
}  // namespace

HttpResponse get_list_value(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const auto entry = value_of_path(lists, request, name);
  if (!entry) return entry.error();
  return found_entry(lists, name, *entry, "entry");
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

using KeyParts = std::vector<std::pair<std::string, std::string>>;
// The row of this key: by a body of one row, whose key it is.
tl::expected<cep::Entry, std::string> row_entry(const ListOrTable& what, const KeyParts& key,
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
  return tl::unexpected(entries || entries.error().places.empty()
                            ? std::string("it names the columns of a row's key")
                            : entries.error().places.front());
}

// The row's key as far as a key names its columns; nothing where it does not name all.
std::optional<KeyParts> row_key(const cep::Table& table, const KeyParts& key) {
  KeyParts columns;
  for (const std::string& name : table.key_names) {
    const auto part = std::ranges::find(key, name, &KeyParts::value_type::first);
    if (part == key.end()) return std::nullopt;
    columns.push_back(*part);
  }
  return columns;
}

void append_found(std::string& to, std::string_view word, const std::string& name,
                  const ListOrTable& what, const cep::Entry& entry, cep::EventTime now) {
  const auto seen = what.entries().find(entry.key);
  if (!seen) return;
  if (to.back() != '[') to += ',';
  to += fmt::format("{{\"{}\":", word);
  cep::append_json_string(to, name);
  std::string text;
  append_entry(text, what, *seen, now);
  to += ',' + text.substr(1);
}
}  // namespace

HttpResponse get_table_row(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const std::optional<Declared> found = declared(lists, name);
  if (!found) return not_there(lists, name);
  const auto key = key_parts(split_key(*request.text("row")));
  if (!key) return bad_parameter_response("row", key.error().message);
  const auto entry = row_entry(found->what, *key, limits_of(lists.context));
  if (!entry) return bad_parameter_response("row", entry.error());
  return found_entry(lists, name, *entry, "row");
}

HttpResponse get_key_entries(ServerContext& context, ApiRequest& request) {
  if (auto refused = refused_unmasked(context.privacy, request)) return *std::move(refused);
  const auto key = key_parts(split_key(*request.text("key")));
  if (!key) return bad_parameter_response("key", key.error().message);
  std::set<std::string_view> values;
  for (const auto& [name, value] : *key) values.insert(value);
  const ListBodyLimits limits = limits_of(context);
  std::string text = R"({"lists":[)";
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        const cep::EventTime now = node.intake().watermark();
        cep::ReferenceData& data = node.program().data();
        for (cep::ListProgram& list : data.lists) {
          if (!list.may_change()) continue;
          for (const std::string_view value : values) {
            const ListOrTable what{&list, nullptr};
            const auto entry = read_list_value(what, value, limits);
            if (entry) append_found(text, "list", list.list().name, what, *entry, now);
          }
        }
        text += R"(],"tables":[)";
        for (cep::LookupTable& table : data.tables) {
          const ListOrTable what{nullptr, &table};
          const auto columns = row_key(table.table(), *key);
          if (!columns) continue;
          const auto entry = row_entry(what, *columns, limits);
          if (entry) append_found(text, "table", table.table().name, what, *entry, now);
        }
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  return text_response(text + "]}", "");
}

HttpResponse delete_list_value(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const auto entry = value_of_path(lists, request, name);
  if (!entry) return entry.error();
  return carry_out(lists, request, name, ListAction::kRemove, {*entry});
}
}  // namespace tocsin::api
