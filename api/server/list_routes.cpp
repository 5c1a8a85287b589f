#include "api/server/list_routes.h"

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/server/list_handlers.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::ListAction;

constexpr std::string_view kSchemas = R"({
  "Scalar": {"$schema": {"type": ["string", "number", "boolean"]}},
  "ListSummary": {
    "name": "text",
    "type": "text",
    "changeable": "boolean",
    "size": "whole",
    "declared": "whole",
    "replaced": "boolean",
    "added": "whole",
    "removed": "whole",
    "record": "whole; of its last change"
  },
  "ListOfLists": {"lists": "list of ListSummary"},
  "ListEntry": {
    "value": "Scalar",
    "origin": "one of declared, added",
    "until?": "time",
    "ended?": "boolean",
    "who?": "text; the token that wrote it last",
    "at?": "time; when it did",
    "comment?": "text; as it said"
  },
  "ListPage": {
    "like": "ListSummary",
    "entries": "list of ListEntry",
    "next?": "text; the cursor of the next page"
  },
  "TableSummary": {
    "name": "text",
    "key": "map of text; the type of each column",
    "columns": "map of text",
    "size": "whole",
    "declared": "whole",
    "replaced": "boolean",
    "added": "whole",
    "removed": "whole",
    "record": "whole; of its last change"
  },
  "ListOfTables": {"tables": "list of TableSummary"},
  "TableRow": {
    "row": "map of any",
    "origin": "one of declared, added",
    "until?": "time",
    "ended?": "boolean",
    "who?": "text; the token that wrote it last",
    "at?": "time; when it did",
    "comment?": "text; as it said"
  },
  "TablePage": {
    "like": "TableSummary",
    "rows": "list of TableRow",
    "next?": "text; the cursor of the next page"
  },
  "KeyEntries": {
    "lists": [{
      "list": "text",
      "value": "Scalar",
      "origin": "one of declared, added",
      "until?": "time",
      "ended?": "boolean",
      "who?": "text; the token that wrote it last",
      "at?": "time; when it did",
      "comment?": "text; as it said"
    }],
    "tables": [{
      "table": "text",
      "row": "map of any",
      "origin": "one of declared, added",
      "until?": "time",
      "ended?": "boolean",
      "who?": "text; the token that wrote it last",
      "at?": "time; when it did",
      "comment?": "text; as it said"
    }]
  },
  "ListEntries": {"entries": [{"$schema": {"oneOf": [
    {"$ref": "#/components/schemas/Scalar"},
    {
      "type": "object",
      "required": ["value"],
      "properties": {
        "value": {"$ref": "#/components/schemas/Scalar"},
        "until": {"type": "string", "format": "date-time"}
      },
      "additionalProperties": false
    }
  ]}}]},
  "TableEntries": {"entries": [{"body": true, "row": "object", "until?": "time"}]},
  "ListChanged": {
    "list?": "text",
    "table?": "text",
    "changed": "whole",
    "size": "whole",
    "record": "whole"
  }
})";

// How operations on lists, or on tables, are named and described.
struct Names {
  explicit Names(bool are_tables);

  bool tables;
  std::string word;             // of one
  std::string entries;          // what one has
  std::string type;             // in names of operations and schemas
  std::string all, one, parts;  // paths
  std::vector<RouteParameter> parameters;
  RouteAnswer changed{200, "What was changed", "application/json", "ListChanged"};
};
Names::Names(bool are_tables)
    : tables(are_tables),
      word(tables ? "table" : "list"),
      entries(tables ? "rows" : "entries"),
      type(tables ? "Table" : "List"),
      all(tables ? "/v1/tables" : "/v1/lists"),
      one(tables ? "/v1/tables/{table}" : "/v1/lists/{list}"),
      parts(one + (tables ? "/rows" : "/entries")),
      parameters{
          {word, RouteParameter::Type::kText, fmt::format("The {}'s name in the rules", word)}} {}

void add_readers(Router& router, const Lists& lists, const Names& names) {
  router.add({.method = "GET",
              .path = names.all,
              .operation_id = names.tables ? "listTables" : "listLists",
              .tag = "lists",
              .summary = fmt::format("The rules' {}s, with how many {} they hold", names.word,
                                     names.entries),
              .role = Role::kReader,
              .answers = {{200, fmt::format("The {}s", names.word), "application/json",
                           names.tables ? "ListOfTables" : "ListOfLists"}},
              .handler = [lists](ApiRequest&) { return get_lists(lists); }});
  router.add({.method = "GET",
              .path = names.one,
              .operation_id = "get" + names.type,
              .tag = "lists",
              .summary = fmt::format("The {} of a {}, page by page", names.entries, names.word),
              .description = "In a fixed order; `next` is the cursor of the next page. "
                             "`origin` says whether an entry is declared by the rules or came by a "
                             "change.",
              .role = Role::kReader,
              .path_parameters = names.parameters,
              .query_parameters = {{.name = "limit",
                                    .type = RouteParameter::Type::kInteger,
                                    .description = "Maximum number; default 1,000",
                                    .least = 1,
                                    .most = kListPageMost},
                                   {.name = "cursor", .description = "`next` of the page before"}},
              .answers = {{200, "A page", "application/json", names.type + "Page"}},
              .answer_headers = {"ETag"},
              .handler = [lists](ApiRequest& request) { return get_list(lists, request); }});
}

void add_changes(Router& router, const Lists& lists, const Names& names) {
  std::vector<std::string> media = {"application/json", "application/x-ndjson"};
  if (!names.tables) media.emplace_back("text/plain");
  const RouteBody body{media, names.tables ? "TableEntries" : "ListEntries"};
  const std::string effect = fmt::format(
      " It holds from the next event on, and is on disk when it is answered; the rules "
      "forget nothing. With If-Match the {} must be as it was read.",
      names.word);
  // What takes a body of entries.
  const auto add_change = [&](const char* method, const std::string& path, std::string id,
                              std::string summary, const std::string& description, Role role,
                              ListAction action) {
    router.add({.method = method,
                .path = path,
                .operation_id = std::move(id),
                .tag = "lists",
                .summary = std::move(summary),
                .description = description + effect,
                .role = role,
                .may_wait = true,
                .path_parameters = names.parameters,
                .body = body,
                .answers = {names.changed},
                .request_headers = {"If-Match", "Tocsin-Comment", "Content-Encoding"},
                .answer_headers = {"ETag"},
                .problems = {408, 409, 412, 413, 415},
                .handler = [lists, action](ApiRequest& request) {
                  return change_list_by_body(lists, request, action);
                }});
  };
  add_change("PUT", names.one, "replace" + names.type,
             fmt::format("Replace all {} of a {}", names.entries, names.word),
             "The declared contents no longer apply, until DELETE.", Role::kOperator,
             ListAction::kReplace);
  router.add({.method = "DELETE",
              .path = names.one,
              .operation_id = "reset" + names.type,
              .tag = "lists",
              .summary = fmt::format(
                  "Drop all changes of a {}: its contents are again those that the rules declare",
                  names.word),
              .role = Role::kOperator,
              .may_wait = true,
              .path_parameters = names.parameters,
              .answers = {names.changed},
              .request_headers = {"If-Match", "Tocsin-Comment"},
              .answer_headers = {"ETag"},
              .problems = {409, 412},
              .handler = [lists](ApiRequest& request) { return reset_list(lists, request); }});
  add_change("POST", names.parts,
             fmt::format("add{}{}", names.type, names.tables ? "Rows" : "Entries"),
             fmt::format("Add {} to a {}, or change their expiry", names.entries, names.word),
             "An existing one gets the new `until`, or none.", Role::kAnalyst, ListAction::kAdd);
  add_change("DELETE", names.parts,
             fmt::format("remove{}{}", names.type, names.tables ? "Rows" : "Entries"),
             fmt::format("Remove several {} of a {}", names.entries, names.word),
             std::string("Declared ones too. ") +
                 (names.tables ? "Of each row the columns of the key are enough."
                               : "What is not there does not matter."),
             Role::kAnalyst, ListAction::kRemove);
}

// Of one value of a list, which is in the path.
void add_value_operations(Router& router, const Lists& lists, const Names& names) {
  std::vector<RouteParameter> valued = names.parameters;
  valued.push_back({"value", RouteParameter::Type::kText, "The value, as a list's file has it"});
  router.add({.method = "GET",
              .path = names.parts + "/{value}",
              .operation_id = "getListEntry",
              .tag = "lists",
              .summary = "One entry of a list; 404 where it is not there",
              .role = Role::kReader,
              .path_parameters = valued,
              .answers = {{200, "The entry", "application/json", "ListEntry"}},
              .handler = [lists](ApiRequest& request) { return get_list_value(lists, request); }});
  router.add(
      {.method = "DELETE",
       .path = names.parts + "/{value}",
       .operation_id = "removeListEntry",
       .tag = "lists",
       .summary = "Remove one entry of a list, also one that is not there",
       .role = Role::kAnalyst,
       .may_wait = true,
       .path_parameters = valued,
       .answers = {names.changed},
       .request_headers = {"If-Match", "Tocsin-Comment"},
       .answer_headers = {"ETag"},
       .problems = {409, 412},
       .handler = [lists](ApiRequest& request) { return delete_list_value(lists, request); }});
}

// Of one row of a table, whose key is in the path.
void add_row_operation(Router& router, const Lists& lists, const Names& names) {
  std::vector<RouteParameter> rowed = names.parameters;
  rowed.push_back({.name = "row",
                   .description = "NAME=VALUE for each column of the key, such as merchant=m1; "
                                  "several are separated by commas",
                   .pattern = "^[A-Za-z0-9_.]+="});
  router.add({.method = "GET",
              .path = names.parts + "/{row}",
              .operation_id = "getTableRow",
              .tag = "lists",
              .summary = "One row of a table; 404 where it is not there",
              .description = "It is the row of exactly this key: an address is not looked up in "
                             "networks.",
              .role = Role::kReader,
              .path_parameters = rowed,
              .answers = {{200, "The row", "application/json", "TableRow"}},
              .handler = [lists](ApiRequest& request) { return get_table_row(lists, request); }});
}

// Of a key that rules keep something of.
void add_key_operation(Router& router, ServerContext& context) {
  router.add(
      {.method = "GET",
       .path = "/v1/keys/{key}/entries",
       .operation_id = "listKeyEntries",
       .tag = "lists",
       .summary = "The lists on which a value of the key stands, and its rows of tables",
       .description = "Of lists that can be changed. A table has a row of the key if the "
                      "columns of its own key have names of the key's parts.",
       .role = Role::kReader,
       .path_parameters = {{.name = "key",
                            .description = "NAME=VALUE, such as card=c1; several parts are "
                                           "separated by commas",
                            .pattern = "^[A-Za-z0-9_.]+="}},
       .answers = {{200, "The entries and rows", "application/json", "KeyEntries"}},
       .handler = [&context](ApiRequest& request) { return get_key_entries(context, request); }});
}

void add_operations(Router& router, const Lists& lists) {
  const Names names(lists.are_tables);
  add_readers(router, lists, names);
  add_changes(router, lists, names);
  if (names.tables) {
    add_row_operation(router, lists, names);
  } else {
    add_value_operations(router, lists, names);
  }
}
}  // namespace

void add_list_routes(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  const auto changing = std::make_shared<std::timed_mutex>();
  add_operations(router, {context, false, changing});
  add_operations(router, {context, true, changing});
  add_key_operation(router, context);
}
}  // namespace tocsin::api
