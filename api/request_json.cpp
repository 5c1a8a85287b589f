#include "api/request_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "rules/suggest.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr int kDepthMax = 32;

// Whether the text nests no deeper than is read without care; brackets in strings do not count.
bool is_shallow(std::string_view text) {
  int depth = 0;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (is_string) {
      if (letter == '\\') ++i;
      is_string = letter != '"';
    } else if (letter == '"') {
      is_string = true;
    } else if (letter == '{' || letter == '[') {
      if (++depth > kDepthMax) return false;
    } else if (letter == '}' || letter == ']') {
      --depth;
    }
  }
  return true;
}
}  // namespace

tl::expected<ordered_json, HttpResponse> read_json(ServerContext& context, ApiRequest& request,
                                                   std::size_t bytes_max) {
  BodyBudget::Hold hold(context.bodies);
  const auto body = read_whole_body(request.http, hold);
  if (!body) return tl::unexpected(body.error());
  if (body->size() > bytes_max) {
    return tl::unexpected(problem_response(
        ProblemKind::kTooLarge,
        fmt::format("this body may have {} bytes, and has {}", bytes_max, body->size())));
  }
  if (body->empty()) return ordered_json::object();
  if (!is_shallow(*body)) {
    return tl::unexpected(problem_response(
        ProblemKind::kBadBody, fmt::format("the body nests deeper than {} levels", kDepthMax)));
  }
  ordered_json json = ordered_json::parse(*body, nullptr, false);
  if (!json.is_object()) {
    return tl::unexpected(problem_response(
        ProblemKind::kBadBody,
        json.is_discarded() ? "the body is no JSON" : "the body is no JSON object"));
  }
  return json;
}

std::optional<HttpResponse> check_members(const ordered_json& object,
                                          const std::vector<std::string>& names) {
  for (const auto& member : object.items()) {
    if (std::ranges::find(names, member.key()) != names.end()) continue;
    const auto meant = rules::nearest(member.key(), names);
    return problem_response(
        ProblemKind::kBadBody,
        fmt::format("the body has a member {}, which is not known here; {}", member.key(),
                    meant ? fmt::format("did you mean {}?", *meant)
                          : fmt::format("there are: {}", fmt::join(names, ", "))),
        {{"member", member.key()}});
  }
  return std::nullopt;
}
}  // namespace tocsin::api
