#include "api/rest/whole_body.h"

#include <fmt/format.h>

#include "api/rest/problem.h"

namespace tocsin::api {
tl::expected<std::string, HttpResponse> take_whole_body(HttpRequest& request,
                                                        std::size_t bytes_max) {
  if (request.body().size() <= bytes_max) return request.take_body();
  return tl::unexpected(problem_response(
      ProblemKind::kTooLarge, fmt::format("this takes a body of at most {} bytes", bytes_max)));
}
}  // namespace tocsin::api
