#include "api/rest/whole_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
// Of `type/subtype; parameters`, in lower case.
std::string media_type_of(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  std::string type(value);
  std::ranges::transform(type, type.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  return type;
}
}  // namespace

std::optional<HttpResponse> body_refusal(const Route& route, const RequestHead& head) {
  const bool has_body = head.is_chunked || head.content_bytes.value_or(0) > 0;
  if (!route.body) {
    if (!has_body) return std::nullopt;
    return problem_response(ProblemKind::kBadBody, "this operation takes no body");
  }
  if (!has_body) {
    if (!route.body->is_required) return std::nullopt;
    return problem_response(
        ProblemKind::kBadBody,
        fmt::format("a body is required: {}", fmt::join(route.body->media_types, ", ")));
  }
  const std::string type = media_type_of(head.header("content-type").value_or(""));
  if (std::ranges::find(route.body->media_types, type) != route.body->media_types.end()) {
    return std::nullopt;
  }
  return problem_response(
      ProblemKind::kUnsupportedMediaType,
      fmt::format("Content-Type is {}; this operation accepts {}", type.empty() ? "missing" : type,
                  fmt::join(route.body->media_types, ", ")));
}

tl::expected<std::string, HttpResponse> take_whole_body(HttpRequest& request,
                                                        std::size_t bytes_max) {
  if (request.body().size() <= bytes_max) return request.take_body();
  return tl::unexpected(problem_response(
      ProblemKind::kTooLarge, fmt::format("this takes a body of at most {} bytes", bytes_max)));
}
}  // namespace tocsin::api
