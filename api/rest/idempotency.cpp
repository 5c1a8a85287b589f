#include "api/rest/idempotency.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/rest/problem.h"
#include "cep/base/byte_codec.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Found = AnswerStore::Found;
constexpr std::size_t kKeyBytesMax = 255;
constexpr std::array<std::string_view, 2> kShownOnce = {"token", "secret"};

// The key as a text, or as a string of RFC 8941 in quotes: both are the same key.
tl::expected<std::string_view, HttpResponse> read_key(const RequestHead& head,
                                                      std::string_view given) {
  const auto count = std::ranges::count(head.headers, "idempotency-key", &HttpHeader::name);
  std::string_view key = given;
  if (key.size() >= 2 && key.starts_with('"') && key.ends_with('"')) {
    key = key.substr(1, key.size() - 2);
  }
  const bool is_good = count == 1 && !key.empty() && key.size() <= kKeyBytesMax &&
                       std::ranges::all_of(key, [](char letter) {
                         return letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
                       });
  if (is_good) return key;
  return tl::unexpected(problem_response(
      ProblemKind::kBadRequest,
      fmt::format("Idempotency-Key is sent once and has 1 to {} printable characters",
                  kKeyBytesMax)));
}

KeyedRequest digests_of(const ApiRequest& request, std::string_view key, std::string_view body) {
  std::string whose;
  ByteWriter to_whose(whose);
  to_whose.text(request.grant.name);
  to_whose.text(key);
  std::string what;
  ByteWriter to_what(what);
  to_what.text(request.http.head().method);
  to_what.text(request.http.head().target);
  to_what.text(body);
  return {cep::sha256(whose), cep::sha256(what)};
}

// As it is kept: without what is shown once.
HttpResponse without_secrets(HttpResponse answer) {
  std::erase_if(answer.headers,
                [](const HttpHeader& header) { return header.name == "Set-Cookie"; });
  ordered_json document = ordered_json::parse(answer.body, nullptr, false);
  if (!document.is_object()) return answer;
  ordered_json withheld = ordered_json::array();
  for (const std::string_view name : kShownOnce) {
    if (document.erase(std::string(name)) > 0) withheld.push_back(name);
  }
  if (withheld.empty()) return answer;
  document["withheld"] = std::move(withheld);
  answer.body = document.dump() + "\n";
  return answer;
}
bool may_have_acted(const HttpResponse& answer) {
  const bool is_refusal = answer.status >= 400 && answer.status < 500;
  return !is_refusal && answer.status != problem_type(ProblemKind::kUnavailable).status;
}

HttpResponse refusal_of(Found found) {
  if (found == Found::kOther) {
    return problem_response(
        ProblemKind::kIdempotencyMismatch,
        "this Idempotency-Key was used for another request: another path, query or body; send it "
        "with a key of its own");
  }
  if (found == Found::kUnknown) {
    return problem_response(
        ProblemKind::kIdempotencyUnknown,
        "the request with this Idempotency-Key was started, but the server ended before it "
        "answered: check whether it was done, and if not, send it with another key");
  }
  HttpResponse response = problem_response(
      ProblemKind::kIdempotencyInWork,
      "the request with this Idempotency-Key is still being processed: send it again later");
  response.headers.push_back({"Retry-After", "1"});
  return response;
}
}  // namespace

HttpResponse answer_once(AnswerStore& answers, ApiRequest& request, const RouteHandler& act) {
  const auto given = request.http.head().header("idempotency-key");
  if (!given) return act(request);
  const auto key = read_key(request.http.head(), *given);
  if (!key) return key.error();
  const KeyedRequest keyed = digests_of(request, *key, request.http.body());
  Result<AnswerStore::Begun> begun = answers.begin(keyed);
  if (!begun) return problem_of_error(begun.error());
  if (begun->found == Found::kAnswered) {
    begun->answer.headers.push_back({"Idempotent-Replayed", "true"});
    return std::move(begun->answer);
  }
  if (begun->found != Found::kNew) return refusal_of(begun->found);
  HttpResponse answer;
  try {
    answer = act(request);
  } catch (...) {
    answers.abandon(keyed);
    throw;
  }
  // Where its answer cannot be kept the key stays used up: it is never done twice.
  if (may_have_acted(answer)) {
    if (!answers.keep(keyed, without_secrets(answer))) answers.abandon(keyed);
  } else if (!answers.release(keyed)) {
    answers.abandon(keyed);
  }
  return answer;
}
}  // namespace tocsin::api
