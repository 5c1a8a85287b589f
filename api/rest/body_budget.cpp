#include "api/rest/body_budget.h"

#include <fmt/format.h>

#include "api/rest/problem.h"

namespace tocsin::api {
tl::expected<std::string, HttpResponse> read_whole_body(HttpRequest& request,
                                                        BodyBudget::Hold& hold,
                                                        std::size_t bytes_max) {
  const auto too_large = [&] {
    return tl::unexpected(problem_response(
        ProblemKind::kTooLarge, fmt::format("this takes a body of at most {} bytes", bytes_max)));
  };
  if (request.head().content_bytes.value_or(0) > bytes_max) return too_large();
  std::string body;
  bool has_room = true;
  bool is_too_large = false;
  const auto read = request.read_body([&](std::string_view block) {
    is_too_large = block.size() > bytes_max - body.size();
    if (is_too_large) return false;
    has_room = hold.add(block.size());
    if (has_room) body += block;
    return has_room;
  });
  if (is_too_large) return too_large();
  if (!has_room) {
    return tl::unexpected(unavailable_response(kNoRoomForBody));
  }
  if (!read) return tl::unexpected(problem_of_fault(read.error()));
  return body;
}
}  // namespace tocsin::api
