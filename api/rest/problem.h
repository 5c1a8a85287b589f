/// Errors of the API as problem documents (RFC 9457). Every kind stands once in
/// api/rest/problem.def, with the page docs/api-errors.md.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

#include "api/net/http_server.h"
#include "cep/base/result.h"

namespace tocsin::api {
enum class ProblemKind : std::uint8_t {
#define TOCSIN_PROBLEM(name, slug, status, title) name,
#include "api/rest/problem.def"
#undef TOCSIN_PROBLEM
};
/// What is the same for all problems of a kind.
struct ProblemType {
  ProblemKind kind;
  std::string_view slug;  // `type` is "urn:tocsin:problem:" and this: it never changes
  int status;
  std::string_view title;
};
const ProblemType& problem_type(ProblemKind kind);
std::span<const ProblemType> all_problem_types();

/// The answer: type, title, status, `detail` (what happened here and what to do about it), and the
/// members of `more`, an object or null.
HttpResponse problem_response(ProblemKind kind, std::string_view detail);
HttpResponse problem_response(ProblemKind kind, std::string_view detail,
                              const nlohmann::ordered_json& more);
/// Diagnostics, a line of JSON each, as the array that a problem has as its member `diagnostics`.
nlohmann::ordered_json diagnostics_of_lines(std::string_view lines);
/// Of a parameter of the request that is not as it must be.
HttpResponse bad_parameter_response(std::string_view name, std::string_view detail);
/// Of a request that the server refused before anybody read it.
HttpResponse problem_of_fault(const HttpFault& fault);
/// Of an error of the node or the stores; `bad_argument` is what an invalid argument is.
HttpResponse problem_of_error(const Error& error, ProblemKind bad_argument = ProblemKind::kBadBody);
/// Of what cannot be taken now and may be in a second: 503 with Retry-After.
HttpResponse unavailable_response(std::string_view detail,
                                  ProblemKind kind = ProblemKind::kUnavailable);
}  // namespace tocsin::api
