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

#include "api/lists/list_body.h"
#include "api/lists/list_text.h"
#include "api/node/event_body.h"
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
constexpr const char* kCommentHeader = "tocsin-comment";
constexpr std::size_t kCommentBytesMax = 2'000;
// Notes of ended entries that a change may clear away, beside two for each entry of its own.
constexpr std::size_t kEndingLeast = 100;

HttpResponse not_there(const Lists& lists, const ListName& name) {
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("the rules have no {} {}", lists.word(), name.name));
}

// As a client names the state that it has read: what is declared, and the last change.
std::string etag_of(const runtime::Node& node, const ListName& name) {
  return fmt::format("\"{}-{}\"", cep::hex(node.settings().data).substr(0, 16),
                     node.lists().revision(name));
}

HttpResponse text_response(std::string text, const std::string& etag) {
  HttpResponse response{200, {}, "application/json", std::move(text) + "\n"};
  if (!etag.empty()) response.headers.push_back({"ETag", etag});
  return response;
}

// An entry as it was found; who wrote it is looked up where the node's thread does not wait for it.
struct FoundEntry {
  std::string key;
  std::string text;       // entry_text()
  bool is_added = false;  // it came by a change
};
FoundEntry found_entry(const ListOrTable& what, const cep::EntrySet::Seen& seen,
                       cep::EventTime now) {
  return {std::string(seen.key), entry_text(what, seen, now), !seen.is_declared};
}

// Adds entries of one list or table, in the order of their keys and with commas between them.
Result<void> append_entries(std::string& to, const EntryNotes& notes, const ListName& name,
                            const std::vector<FoundEntry>& found) {
  NotesOfEntries known;
  if (std::ranges::any_of(found, &FoundEntry::is_added)) {
    Result<NotesOfEntries> read = notes.find(name, found.front().key, found.back().key);
    if (!read) return tl::unexpected(read.error());
    known = *std::move(read);
  }
  for (const FoundEntry& entry : found) {
    if (&entry != &found.front()) to += ',';
    to += entry.text;
    const EntryNote* const note = entry.is_added ? known.find(entry.key) : nullptr;
    if (note != nullptr) append_note(to, *note);
    to += '}';
  }
  return {};
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
  auto unpacked = unpack_body(request.http.take_body(), encoding,
                              unpack_limits(lists.context.configuration), hold);
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

// Of a header, which may be written as a path is: "%C3%A9". What is not so is taken as it stands.
tl::expected<std::string, HttpResponse> comment_of(const ApiRequest& request) {
  const std::string_view given = request.http.head().header(kCommentHeader).value_or("");
  std::optional<std::string> comment = percent_decode(given, false);
  const bool is_ascii =
      std::ranges::all_of(given, [](char letter) { return static_cast<signed char>(letter) >= 0; });
  if (!comment && is_ascii) comment = given;
  if (comment && comment->size() <= kCommentBytesMax) return *std::move(comment);
  return tl::unexpected(problem_response(
      ProblemKind::kBadParameter,
      fmt::format("Tocsin-Comment is a text in UTF-8 of at most {} bytes", kCommentBytesMax)));
}

// What came of a change that the node was asked for.
struct Outcome {
  std::string etag;
  bool is_stale = false;
  Result<ListChanged> done;
  bool is_first = false;          // NotedChange::is_first
  std::vector<EndingEntry> gone;  // of those that end
};
Outcome change_list(runtime::Node& node, ListChange& change,
                    const std::optional<std::string_view>& wanted,
                    const std::vector<EndingEntry>& ending) {
  Outcome outcome;
  outcome.etag = etag_of(node, change.name);
  outcome.is_stale = wanted && *wanted != "*" && *wanted != outcome.etag;
  if (outcome.is_stale) return outcome;
  outcome.is_first = node.lists().revision(change.name) == 0;
  outcome.done = node.change_list(change);
  outcome.etag = etag_of(node, change.name);
  const cep::EventTime now = node.intake().watermark();
  for (const EndingEntry& entry : ending) {
    if (entry.until > now) break;  // so do all that follow
    const ListOrTable what = find_list(node.program().data(), entry.name);
    const bool is_known = what.list != nullptr || what.table != nullptr;
    const auto seen = is_known ? what.entries().find(entry.key) : std::nullopt;
    if (!seen || seen->until != entry.until) outcome.gone.push_back(entry);
  }
  return outcome;
}

// Carries the change out and notes whose it is. One at a time: notes are in the order of changes.
tl::expected<Outcome, HttpResponse> change_and_note(const Lists& lists, const ApiRequest& request,
                                                    ListChange& change,
                                                    const std::vector<cep::Entry>& noted,
                                                    std::string comment) {
  ServerContext& context = lists.context;
  const std::unique_lock lock(*lists.changing, kAskPatience);
  if (!lock) return tl::unexpected(unavailable_response("other changes of lists are under way"));
  if (change.action == ListAction::kReplace || change.text.size() > kTextBytesMax) {
    runtime::BlobStore blobs = runtime::BlobStore::look(context.files, context.paths.blobs);
    const Result<cep::Digest> digest = blobs.put(change.text);
    if (!digest) return tl::unexpected(problem_of_error(digest.error()));
    change.blob = runtime::CheckpointBlob{role_of(change.name), change.text.size(), *digest};
  }
  const auto ending = context.entry_notes->first_to_end(kEndingLeast + 2 * noted.size());
  if (!ending) return tl::unexpected(problem_of_error(ending.error()));
  Outcome outcome;
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        outcome = change_list(node, change, request.http.head().header("if-match"), *ending);
      },
      kAskPatience);
  if (!asked) return tl::unexpected(refusal_response(asked.error()));
  if (outcome.is_stale || !outcome.done) return outcome;
  const NotedChange done{change.name,
                         change.action,
                         outcome.done->record,
                         {request.grant.name, context.clock.now(), std::move(comment)},
                         outcome.is_first};
  if (auto kept = context.entry_notes->note(done, noted, outcome.gone); !kept)
    return tl::unexpected(problem_of_error(kept.error()));
  return outcome;
}

// Journals the change and waits for the disk.
HttpResponse carry_out(const Lists& lists, const ApiRequest& request, const ListName& name,
                       ListAction action, std::vector<cep::Entry> entries) {
  ServerContext& context = lists.context;
  auto comment = comment_of(request);
  if (!comment) return comment.error();
  const std::shared_ptr<const CurrentRules> rules = context.rules.current();
  // A whole has one note.
  const std::vector<cep::Entry> noted =
      action == ListAction::kReplace ? std::vector<cep::Entry>() : entries;
  Result<ListChange> change = runtime::prepare_list_change(*rules->rules.program, name, action,
                                                           request.grant.name, std::move(entries));
  if (!change) return problem_of_error(change.error());
  const auto outcome = change_and_note(lists, request, *change, noted, *std::move(comment));
  if (!outcome) return outcome.error();
  if (outcome->is_stale) {
    return problem_response(
        ProblemKind::kStale,
        fmt::format("{} is not what If-Match says: it was changed; read it again",
                    runtime::describe(name)));
  }
  const Result<ListChanged>& done = outcome->done;
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
  response.headers.push_back({"ETag", outcome->etag});
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
          append_list_head(text, name, what, node.lists().revision({lists.are_tables, name}));
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
  std::vector<FoundEntry> found;
  std::string next;
  const Served<void> asked = lists.context.node.ask(
      [&](runtime::Node& node) {
        const ListOrTable what = find_list(node.program().data(), name);
        if (what.list == nullptr && what.table == nullptr) return;
        etag = etag_of(node, name);
        append_list_head(text, name.name, what, node.lists().revision(name));
        if (what.list != nullptr && !what.list->may_change()) {
          // Searched for in the order of the rules; few, and never changed.
          for (const cep::OwnedValue& value : what.list->list().values)
            found.push_back({{}, declared_text(value), false});
          return;
        }
        const cep::EventTime now = node.intake().watermark();
        what.entries().walk(after, [&](const cep::EntrySet::Seen& seen) {
          const bool is_more = found.size() == most;
          if (is_more) {
            next = key_cursor(found.back().key);
          } else {
            found.push_back(found_entry(what, seen, now));
          }
          return !is_more;
        });
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (etag.empty()) return not_there(lists, name);
  text += lists.are_tables ? R"(,"rows":[)" : R"(,"entries":[)";
  if (auto added = append_entries(text, *lists.context.entry_notes, name, found); !added)
    return problem_of_error(added.error());
  text += ']';
  if (!next.empty()) text += fmt::format(R"(,"next":"{}")", next);
  return text_response(text + '}', etag);
}

HttpResponse change_list_by_body(const Lists& lists, ApiRequest& request, ListAction action) {
  const ListName name = lists.name(request);
  const std::optional<Declared> found = declared(lists, name);
  if (!found) return not_there(lists, name);
  BodyBudget::Hold hold(lists.context.bodies, request.grant.called());
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
HttpResponse entry_response(const Lists& lists, const ListName& name, const cep::Entry& entry,
                            std::string_view word) {
  std::vector<FoundEntry> found;
  const Served<void> asked = lists.context.node.ask(
      [&](runtime::Node& node) {
        const ListOrTable what = find_list(node.program().data(), name);
        if (what.list == nullptr && what.table == nullptr) return;
        const auto seen = what.entries().find(entry.key);
        if (seen) found.push_back(found_entry(what, *seen, node.intake().watermark()));
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (!found.empty()) {
    std::string text;
    if (auto added = append_entries(text, *lists.context.entry_notes, name, found); !added)
      return problem_of_error(added.error());
    return text_response(std::move(text), "");
  }
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("{} has no such {}", runtime::describe(name), word));
}
}  // namespace

HttpResponse get_list_value(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const auto entry = value_of_path(lists, request, name);
  if (!entry) return entry.error();
  return entry_response(lists, name, *entry, "entry");
}

namespace {
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

// An entry of some list or table.
struct NamedEntry {
  ListName name;
  FoundEntry entry;
};
void find_named(std::vector<NamedEntry>& to, const ListName& name, const ListOrTable& what,
                const cep::Entry& entry, cep::EventTime now) {
  const auto seen = what.entries().find(entry.key);
  if (seen) to.push_back({name, found_entry(what, *seen, now)});
}
Result<void> append_named(std::string& to, const EntryNotes& notes, const NamedEntry& named) {
  if (to.back() != '[') to += ',';
  to += named.name.is_table ? R"({"table":)" : R"({"list":)";
  cep::append_json_string(to, named.name.name);
  std::string text;
  if (auto added = append_entries(text, notes, named.name, {named.entry}); !added) return added;
  to += ',' + text.substr(1);
  return {};
}
}  // namespace

HttpResponse get_table_row(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const std::optional<Declared> found = declared(lists, name);
  if (!found) return not_there(lists, name);
  const auto key = key_parts(split_key(*request.text("row")));
  if (!key) return bad_parameter_response("row", key.error().message);
  const auto entry = read_row_key(found->what, *key, limits_of(lists.context));
  if (!entry) return bad_parameter_response("row", entry.error().detail);
  return entry_response(lists, name, *entry, "row");
}

HttpResponse get_key_entries(ServerContext& context, ApiRequest& request) {
  if (auto refused = refused_unmasked(context.privacy, request)) return *std::move(refused);
  const auto key = key_parts(split_key(*request.text("key")));
  if (!key) return bad_parameter_response("key", key.error().message);
  std::set<std::string_view> values;
  for (const auto& [name, value] : *key) values.insert(value);
  const ListBodyLimits limits = limits_of(context);
  std::vector<NamedEntry> of_lists;
  std::vector<NamedEntry> of_tables;
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        const cep::EventTime now = node.intake().watermark();
        cep::ReferenceData& data = node.program().data();
        for (cep::ListProgram& list : data.lists) {
          if (!list.may_change()) continue;
          for (const std::string_view value : values) {
            const ListOrTable what{&list, nullptr};
            const auto entry = read_list_value(what, value, limits);
            if (entry) find_named(of_lists, {false, list.list().name}, what, *entry, now);
          }
        }
        for (cep::LookupTable& table : data.tables) {
          const ListOrTable what{nullptr, &table};
          const auto columns = row_key(table.table(), *key);
          if (!columns) continue;
          const auto entry = read_row_key(what, *columns, limits);
          if (entry) find_named(of_tables, {true, table.table().name}, what, *entry, now);
        }
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  std::string text = R"({"lists":[)";
  for (const NamedEntry& entry : of_lists) {
    if (auto added = append_named(text, *context.entry_notes, entry); !added)
      return problem_of_error(added.error());
  }
  text += R"(],"tables":[)";
  for (const NamedEntry& entry : of_tables) {
    if (auto added = append_named(text, *context.entry_notes, entry); !added)
      return problem_of_error(added.error());
  }
  return text_response(text + "]}", "");
}

HttpResponse delete_list_value(const Lists& lists, const ApiRequest& request) {
  const ListName name = lists.name(request);
  const auto entry = value_of_path(lists, request, name);
  if (!entry) return entry.error();
  return carry_out(lists, request, name, ListAction::kRemove, {*entry});
}
}  // namespace tocsin::api
