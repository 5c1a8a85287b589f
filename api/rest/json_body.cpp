#include "api/rest/json_body.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "api/rest/problem.h"
#include "api/rest/whole_body.h"
#include "rules/text/suggest.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr int kDepthMax = 32;

tl::unexpected<HttpResponse> bad_body(std::string_view detail) {
  return tl::unexpected(problem_response(ProblemKind::kBadBody, detail));
}
}  // namespace

tl::expected<ordered_json, HttpResponse> read_json_object(
    ApiRequest& request, std::initializer_list<std::string_view> known, std::size_t bytes_max) {
  return read_json_object(request, std::span(known.begin(), known.size()), bytes_max);
}

tl::expected<ordered_json, HttpResponse> read_json_object(ApiRequest& request,
                                                          std::span<const std::string_view> known,
                                                          std::size_t bytes_max) {
  const auto body = take_whole_body(request.http, bytes_max);
  if (!body) return tl::unexpected(body.error());
  if (body->empty()) return ordered_json::object();
  bool is_too_deep = false;
  std::string repeated;
  std::vector<std::set<std::string>> names;  // of the objects that are open
  const auto watch = [&](int depth, ordered_json::parse_event_t event, ordered_json& value) {
    if (event == ordered_json::parse_event_t::object_start ||
        event == ordered_json::parse_event_t::array_start) {
      is_too_deep = is_too_deep || depth >= kDepthMax;
      names.emplace_back();
    } else if (event == ordered_json::parse_event_t::key) {
      std::string name = value.get<std::string>();
      if (!names.back().insert(name).second) repeated = std::move(name);
    } else if (event != ordered_json::parse_event_t::value) {
      names.pop_back();
    }
    return !is_too_deep;
  };
  ordered_json document;
  try {
    document = ordered_json::parse(*body, watch);
  } catch (const ordered_json::parse_error& error) {
    return bad_body(fmt::format("the body is not JSON: error at byte {}", error.byte));
  }
  if (is_too_deep) return bad_body(fmt::format("the body is nested deeper than {}", kDepthMax));
  if (!document.is_object()) return bad_body("the body is not a JSON object");
  if (!repeated.empty()) return bad_body(fmt::format("the member {} appears twice", repeated));
  for (const auto& [name, value] : document.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::vector<std::string> all(known.begin(), known.end());
    const auto meant = rules::nearest(name, all);
    return tl::unexpected(problem_response(
        ProblemKind::kBadBody,
        fmt::format("the body has an unknown member {}; {}", name,
                    meant ? fmt::format("did you mean {}?", *meant)
                          : fmt::format("known members: {}", fmt::join(all, ", "))),
        {{"member", name}}));
  }
  return document;
}

HttpResponse json_response(int status, const ordered_json& document) {
  return json_text_response(status,
                            document.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}
HttpResponse maybe_behind(HttpResponse response, bool is_behind) {
  if (is_behind) response.headers.push_back({"Tocsin-Behind", "true"});
  return response;
}
HttpResponse json_text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(text);
  if (!response.body.ends_with('\n')) response.body += '\n';
  return response;
}

std::string etag_of(std::uint64_t version) { return fmt::format("\"{}\"", version); }

tl::expected<void, HttpResponse> check_if_match(const ApiRequest& request, std::uint64_t version,
                                                bool is_optional) {
  const auto given = request.http.head().header("if-match");
  const std::string now = etag_of(version);
  if (!given) {
    if (is_optional) return {};
    HttpResponse response =
        problem_response(ProblemKind::kPreconditionRequired,
                         fmt::format("send `If-Match: {}`, the ETag of what you have read", now));
    response.headers.push_back({"ETag", now});
    return tl::unexpected(std::move(response));
  }
  std::string_view rest = *given;
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one == "*" || one == now) return {};
  }
  HttpResponse response = problem_response(
      ProblemKind::kStale,
      fmt::format("If-Match is {}, the resource has {} by now: read it again", *given, now));
  response.headers.push_back({"ETag", now});
  return tl::unexpected(std::move(response));
}
}  // namespace tocsin::api
