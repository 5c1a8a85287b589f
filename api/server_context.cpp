#include "api/server_context.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
HttpResponse try_again(const std::string& detail) {
  HttpResponse response = problem_response(ProblemKind::kUnavailable, detail);
  response.headers.push_back({"Retry-After", "1"});
  return response;
}
}  // namespace

HttpResponse refusal_response(const Refusal& refusal) {
  switch (refusal.why) {
    case Refusal::Why::kGap:
      return problem_response(ProblemKind::kConflict, refusal.detail,
                              {{"expected_sequence", refusal.expected}});
    case Refusal::Why::kProducers:
      return problem_response(ProblemKind::kConflict, refusal.detail);
    case Refusal::Why::kFull:
    case Refusal::Why::kEnding:
    case Refusal::Why::kFailed:
    case Refusal::Why::kNotYet:
      break;
  }
  return try_again(refusal.detail);
}

HttpResponse error_response(const Error& error) {
  switch (error.code) {
    case Errc::kInvalidArgument:
      return problem_response(ProblemKind::kBadRequest, error.message);
    case Errc::kNotFound:
      return problem_response(ProblemKind::kNotFound, error.message);
    case Errc::kRefused:
      return problem_response(ProblemKind::kConflict, error.message);
    case Errc::kLimit:
      return try_again(error.message);
    case Errc::kIo:
    case Errc::kCorrupt:
    case Errc::kInternal:
      break;
  }
  return problem_response(ProblemKind::kInternal, error.message);
}

tl::expected<std::string, HttpResponse> read_whole_body(HttpRequest& request,
                                                        BodyBudget::Hold& hold) {
  std::string body;
  bool has_room = true;
  const auto read = request.read_body([&](std::string_view block) {
    has_room = hold.add(block.size());
    if (has_room) body += block;
    return has_room;
  });
  if (!has_room) {
    return tl::unexpected(
        try_again("the bodies of other requests take all the room there is for bodies "
                  "(http.bodies_bytes_max)"));
  }
  if (!read) return tl::unexpected(problem_of_fault(read.error()));
  return body;
}

HttpResponse json_response(const nlohmann::ordered_json& document, int status) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body =
      document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return response;
}
}  // namespace tocsin::api
