#include "api/people/view_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// Whether a text is a name: characters that can be seen, without blanks at its ends.
bool is_view_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  const auto begins_letter = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return !name.empty() && name.front() != ' ' && name.back() != ' ' &&
         std::ranges::none_of(name, is_control) &&
         static_cast<std::size_t>(std::ranges::count_if(name, begins_letter)) <= kViewNameChars;
}

// Threading: any.
class Views {
 public:
  Views(ViewStore& store, std::function<bool(const TokenGrant&)> masks)
      : store_(store), masks_(std::move(masks)) {}

  HttpResponse list(const ApiRequest& request) const {
    ordered_json views = ordered_json::array();
    for (const auto& [id, view] : *store_.list()) {
      if (shows(view, request)) views.push_back(json_of(view, request));
    }
    return json_response(200, {{"views", std::move(views)}});
  }

  HttpResponse get(const ApiRequest& request) const {
    const std::optional<SavedView> view = view_of(request);
    return view ? answer(200, *view, request) : no_view(request);
  }

  HttpResponse create(ApiRequest& request) const {
    const auto settings = read_settings(request);
    if (!settings) return settings.error();
    if (auto refused = refused_sharing(*settings, request)) return *std::move(refused);
    const Result<SavedView> made = store_.create(request.grant.name, *settings);
    if (!made) return problem_of_error(made.error());
    request.notes["made"] = ordered_json(made->id).dump();
    HttpResponse response = answer(201, *made, request);
    response.headers.push_back({"Location", fmt::format("/v1/views/{}", made->id)});
    return response;
  }

  HttpResponse put(ApiRequest& request) const {
    const auto settings = read_settings(request);
    if (!settings) return settings.error();
    const std::optional<SavedView> view = view_of(request);
    if (!view) return no_view(request);
    if (!may_change(*view, request.grant)) return not_theirs(*view);
    if (auto refused = refused_sharing(*settings, request)) return *std::move(refused);
    if (auto matches = check_if_match(request, view->version); !matches) return matches.error();
    const auto changed = store_.replace(view->id, view->version, *settings);
    if (!changed) return problem_of_error(changed.error());
    return *changed ? answer(200, **changed, request) : changed_meanwhile();
  }

  HttpResponse remove(const ApiRequest& request) const {
    const std::optional<SavedView> view = view_of(request);
    if (!view) return no_view(request);
    if (!may_change(*view, request.grant)) return not_theirs(*view);
    if (auto matches = check_if_match(request, view->version); !matches) return matches.error();
    const Result<bool> removed = store_.remove(view->id, view->version);
    if (!removed) return problem_of_error(removed.error());
    return *removed ? HttpResponse{204, {}, "", ""} : changed_meanwhile();
  }

 private:
  static bool may_change(const SavedView& view, const TokenGrant& grant) {
    return view.owner == grant.name || may(grant.role, Role::kOperator);
  }
  // What others have written may hold values of events that somebody is not to see.
  bool shows(const SavedView& view, const ApiRequest& request) const {
    if (view.owner == request.grant.name) return true;
    if (!view.settings.is_shared) return false;
    const bool sees_all = request.grant.scope.is_whole() && !masks_(request.grant);
    return sees_all || !has_event_values(view.settings.query);
  }
  std::optional<SavedView> view_of(const ApiRequest& request) const {
    const std::string_view text = *request.text("id");
    std::uint64_t id = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), id).ec != std::errc()) return {};
    const auto list = store_.list();
    const auto found = list->find(id);
    if (found == list->end() || !shows(found->second, request)) return std::nullopt;
    return found->second;
  }

  static ordered_json json_of(const SavedView& view, const ApiRequest& request) {
    return {{"id", view.id},
            {"version", view.version},
            {"name", view.settings.name},
            {"query", view.settings.query},
            {"shared", view.settings.is_shared},
            {"owner", view.owner},
            {"changeable", may_change(view, request.grant)}};
  }
  static HttpResponse answer(int status, const SavedView& view, const ApiRequest& request) {
    HttpResponse response = json_response(status, json_of(view, request));
    response.headers.push_back({"ETag", etag_of(view.version)});
    return response;
  }
  static HttpResponse no_view(const ApiRequest& request) {
    return problem_response(ProblemKind::kNotFound,
                            fmt::format("there is no view {} for you", *request.text("id")));
  }
  static HttpResponse not_theirs(const SavedView& view) {
    return problem_response(
        ProblemKind::kForbidden,
        fmt::format("the view is of {}: they, or an operator, may change it", view.owner));
  }
  static HttpResponse changed_meanwhile() {
    return problem_response(ProblemKind::kStale, "the view was changed or removed: read it again");
  }
  static std::optional<HttpResponse> refused_sharing(const ViewSettings& settings,
                                                     const ApiRequest& request) {
    if (!settings.is_shared || may(request.grant.role, Role::kAnalyst)) return std::nullopt;
    return problem_response(ProblemKind::kForbidden,
                            "a view is shared by an analyst; keep it for yourself");
  }

  static tl::expected<ViewSettings, HttpResponse> read_settings(ApiRequest& request) {
    const auto body = read_json_object(request, {"name", "query", "shared"});
    if (!body) return tl::unexpected(body.error());
    const auto bad = [](std::string_view why) {
      return tl::unexpected(problem_response(ProblemKind::kBadBody, std::string(why)));
    };
    const auto name = body->find("name");
    const auto query = body->find("query");
    const auto shared = body->find("shared");
    if (name == body->end() || !name->is_string() || query == body->end() || !query->is_string() ||
        (shared != body->end() && !shared->is_boolean())) {
      return bad(R"(the body is {"name": TEXT, "query": TEXT, "shared": true or false})");
    }
    ViewSettings settings{name->get<std::string>(), query->get<std::string>(),
                          shared != body->end() && shared->get<bool>()};
    if (!is_view_name(settings.name)) {
      return bad(
          fmt::format("`name` has 1 to {} characters, none of which is a control character, "
                      "and no blank at its ends",
                      kViewNameChars));
    }
    if (const auto good = check_view_query(settings.query); !good) return bad(good.error().message);
    return settings;
  }

  ViewStore& store_;
  const std::function<bool(const TokenGrant&)> masks_;
};

constexpr std::string_view kSchemas = R"({
  "SavedView": {
    "id": "whole",
    "version": "whole; in the ETag",
    "name": "text",
    "query": "text",
    "shared": "boolean; whether all see it",
    "owner": "text; who made it",
    "changeable": "boolean; whether the asker may change and remove it"
  },
  "SavedViews": {"views": "list of SavedView; the oldest first"},
  "ViewSettings": {
    "body": true,
    "name": "text like ^[^\\u0000-\\u0020\\u007f]([^\\u0000-\\u001f\\u007f]{0,98}[^\\u0000-\\u0020\\u007f])?$",
    "query": {"$schema": {
      "type": "string",
      "maxLength": 2000,
      "pattern": "^((status|severity|rule|tag|least_severity|key|from|to|text|condition|assignee|shadow|order|group)=[!-%'-~]*(&(status|severity|rule|tag|least_severity|key|from|to|text|condition|assignee|shadow|order|group)=[!-%'-~]*)*)?$"
    }},
    "shared?": "boolean; absent: false"
  }
})";
}  // namespace

void add_view_routes(Router& router, ViewStore& views,
                     std::function<bool(const TokenGrant&)> masks) {
  router.add_schemas(kSchemas);
  const auto all = std::make_shared<const Views>(views, std::move(masks));
  const std::vector<RouteParameter> id = {
      {.name = "id", .description = "The view's id", .pattern = "^[0-9]{1,18}$"}};
  const RouteBody settings{{"application/json"}, "ViewSettings"};
  router.add({.method = "GET",
              .path = "/v1/views",
              .operation_id = "listViews",
              .tag = "alerts",
              .summary = "Saved filters of alerts: one's own, and those that are shared",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{200, "The views", "application/json", "SavedViews"}},
              .handler = [all](ApiRequest& request) { return all->list(request); }});
  router.add({.method = "POST",
              .path = "/v1/views",
              .operation_id = "createView",
              .tag = "alerts",
              .summary = "Save a filter of alerts under a name",
              .description = "`query` is that of `GET /v1/alerts` as in a URL, with `group=key` of "
                             "the console. Whoever may read alerts has views of their own; "
                             "analysts share them.",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .body = settings,
              .answers = {{201, "It is saved", "application/json", "SavedView"}},
              .answer_headers = {"ETag", "Location"},
              .problems = {409, 413, 415},
              .handler = [all](ApiRequest& request) { return all->create(request); }});
  router.add({.method = "GET",
              .path = "/v1/views/{id}",
              .operation_id = "getView",
              .tag = "alerts",
              .summary = "One view",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .path_parameters = id,
              .answers = {{200, "The view", "application/json", "SavedView"}},
              .answer_headers = {"ETag"},
              .handler = [all](ApiRequest& request) { return all->get(request); }});
  router.add({.method = "PUT",
              .path = "/v1/views/{id}",
              .operation_id = "putView",
              .tag = "alerts",
              .summary = "Replace a view, of one's own; operators, any that is shared",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .path_parameters = id,
              .body = settings,
              .answers = {{200, "It is replaced", "application/json", "SavedView"}},
              .request_headers = {"If-Match"},
              .required_headers = {"If-Match"},
              .answer_headers = {"ETag"},
              .problems = {409, 412, 413, 415, 428},
              .handler = [all](ApiRequest& request) { return all->put(request); }});
  router.add({.method = "DELETE",
              .path = "/v1/views/{id}",
              .operation_id = "deleteView",
              .tag = "alerts",
              .summary = "Remove a view",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .path_parameters = id,
              .answers = {{204, "It is removed"}},
              .request_headers = {"If-Match"},
              .required_headers = {"If-Match"},
              .problems = {412, 428},
              .handler = [all](ApiRequest& request) { return all->remove(request); }});
}
}  // namespace tocsin::api
