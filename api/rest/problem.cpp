#include "api/rest/problem.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tocsin::api {
namespace {
constexpr std::array kTypes = {
#define TOCSIN_PROBLEM(name, slug, status, title) \
  ProblemType{ProblemKind::name, slug, status, title},
#include "api/rest/problem.def"
#undef TOCSIN_PROBLEM
};
}  // namespace

const ProblemType& problem_type(ProblemKind kind) { return kTypes[static_cast<std::size_t>(kind)]; }
std::span<const ProblemType> all_problem_types() { return kTypes; }

HttpResponse problem_response(ProblemKind kind, std::string_view detail) {
  return problem_response(kind, detail, nullptr);
}

HttpResponse problem_response(ProblemKind kind, std::string_view detail,
                              const nlohmann::ordered_json& more) {
  const ProblemType& type = problem_type(kind);
  nlohmann::ordered_json document;
  document["type"] = "urn:tocsin:problem:" + std::string(type.slug);
  document["title"] = type.title;
  document["status"] = type.status;
  document["detail"] = detail;
  if (more.is_object()) document.update(more);
  HttpResponse response;
  response.status = type.status;
  response.content_type = "application/problem+json";
  // A client's bytes may stand in the detail.
  response.body = document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return response;
}

nlohmann::ordered_json diagnostics_of_lines(std::string_view lines) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    list.push_back(nlohmann::ordered_json::parse(lines.substr(0, end)));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return list;
}

HttpResponse bad_parameter_response(std::string_view name, std::string_view detail) {
  return problem_response(ProblemKind::kBadParameter, detail, {{"parameter", name}});
}

HttpResponse problem_of_fault(const HttpFault& fault) {
  if (fault.status == 503) return unavailable_response(fault.detail);
  const auto* const found = fault.problem.empty()
                                ? std::ranges::find(kTypes, fault.status, &ProblemType::status)
                                : std::ranges::find(kTypes, fault.problem, &ProblemType::slug);
  const ProblemKind kind = found == kTypes.end() ? ProblemKind::kInternal : found->kind;
  return problem_response(kind, fault.detail);
}

HttpResponse problem_of_error(const Error& error, ProblemKind bad_argument) {
  switch (error.code) {
    case Errc::kInvalidArgument:
      return problem_response(bad_argument, error.message);
    case Errc::kNotFound:
      return problem_response(ProblemKind::kNotFound, error.message);
    case Errc::kInUse:
    case Errc::kConflict:
    case Errc::kMismatch:
    case Errc::kOtherVersion:
    case Errc::kUnsupported:
    case Errc::kDenied:
    case Errc::kStopped:
      return problem_response(ProblemKind::kConflict, error.message);
    case Errc::kLimit:  // a full disk, a full queue
      return unavailable_response(error.message);
    case Errc::kIo:
    case Errc::kCorrupt:
    case Errc::kInternal:
      break;
  }
  return problem_response(ProblemKind::kInternal, error.message);
}

HttpResponse unavailable_response(std::string_view detail, ProblemKind kind) {
  HttpResponse response = problem_response(kind, detail);
  response.headers.push_back({"Retry-After", "1"});
  return response;
}
}  // namespace tocsin::api
