/// What requests about lists and tables do; the operations that they are for are in
/// list_routes.cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/rest/router.h"
#include "api/server/server_context.h"
#include "runtime/node/list_changes.h"

namespace tocsin::api {
/// Entries on one page.
inline constexpr std::int64_t kListPageMost = 10'000;

struct Lists {
  ServerContext& context;
  bool are_tables;
  /// Held by one change at a time, with its blob and its note.
  std::shared_ptr<std::timed_mutex> changing;

  runtime::ListName name(const ApiRequest& request) const {
    return {are_tables, std::string(*request.text(are_tables ? "table" : "list"))};
  }
  std::string_view word() const { return are_tables ? "table" : "list"; }
};

HttpResponse get_lists(const Lists& lists);
HttpResponse get_list(const Lists& lists, const ApiRequest& request);
HttpResponse change_list_by_body(const Lists& lists, ApiRequest& request,
                                 runtime::ListAction action);
HttpResponse reset_list(const Lists& lists, const ApiRequest& request);
/// One value, in the path.
HttpResponse get_list_value(const Lists& lists, const ApiRequest& request);
HttpResponse delete_list_value(const Lists& lists, const ApiRequest& request);
/// One row, whose key is in the path.
HttpResponse get_table_row(const Lists& lists, const ApiRequest& request);
/// The lists and tables that have a key's values, which is in the path.
HttpResponse get_key_entries(ServerContext& context, ApiRequest& request);
}  // namespace tocsin::api
