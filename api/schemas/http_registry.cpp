#include "api/schemas/http_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cep/base/percent_encoded.h"
#include "runtime/decode/base64_text.h"

namespace tocsin::api {
namespace {
using nlohmann::json;
constexpr int kFound = 200;
constexpr int kNotFound = 404;
// What the registry itself says of a schema, a subject or a version that it does not have.
constexpr std::int64_t kNoSubject = 40401;
constexpr std::int64_t kNoSchema = 40403;
constexpr std::size_t kShownBytesMax = 120;

std::vector<HttpHeader> headers_for(const std::string& credentials) {
  std::vector<HttpHeader> headers = {
      {"Accept", "application/vnd.schemaregistry.v1+json, application/json"}};
  if (credentials.empty()) return headers;
  std::string value = "Basic ";
  runtime::append_base64(value, credentials);
  headers.push_back({"Authorization", std::move(value)});
  return headers;
}

std::optional<std::string> text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}
}  // namespace

struct HttpRegistry::Answer {
  struct Named {
    std::string name;
    Reference reference;
  };
  std::string text;
  std::string language = "AVRO";
  std::vector<Named> references;
};

HttpRegistry::HttpRegistry(std::unique_ptr<HttpGet> http, const HttpRegistryOptions& options)
    : http_(std::move(http)),
      base_(options.url.target.substr(0, options.url.target.find_last_not_of('/') + 1)),
      headers_(headers_for(options.credentials)),
      references_max_(options.references_max) {}

Result<std::unique_ptr<HttpRegistry>> HttpRegistry::make(const HttpRegistryOptions& options) {
  Result<std::unique_ptr<HttpGet>> http = HttpGet::make(options.url, options.limits);
  if (!http) return tl::unexpected(http.error());
  return std::unique_ptr<HttpRegistry>(new HttpRegistry(*std::move(http), options));
}

Result<HttpRegistry::Answer> HttpRegistry::ask(const std::string& path, const std::string& what) {
  const Result<HttpReply> reply = http_->get(base_ + path, headers_);
  if (!reply && reply.error().code == Errc::kLimit)
    return fail(Errc::kLimit, fmt::format("{}: {}", what, reply.error().message));
  if (!reply) return tl::unexpected(reply.error());
  const json body = json::parse(reply->body, nullptr, false);
  if (reply->status != kFound) {
    const auto code = body.is_object() ? body.find("error_code") : body.end();
    const bool has_code = body.is_object() && code != body.end() && code->is_number_integer();
    const std::int64_t error = has_code ? code->get<std::int64_t>() : 0;
    if (reply->status == kNotFound && error >= kNoSubject && error <= kNoSchema)
      return fail(Errc::kNotFound, what + " is unknown to the registry");
    std::string shown = body.is_object() ? text_member(body, "message").value_or("") : "";
    shown.resize(std::min(shown.size(), kShownBytesMax));
    std::ranges::replace_if(
        shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    return fail(Errc::kIo, fmt::format("it answered with status {}{}{}", reply->status,
                                       shown.empty() ? "" : ": ", shown));
  }
  const std::optional<std::string> text =
      body.is_object() ? text_member(body, "schema") : std::nullopt;
  if (!text) return fail(Errc::kCorrupt, "its answer is no schema");
  Answer answer;
  answer.text = *text;
  if (const auto language = text_member(body, "schemaType")) answer.language = *language;
  const auto references = body.find("references");
  if (references == body.end() || !references->is_array()) return answer;
  for (const json& one : *references) {
    const auto name = one.is_object() ? text_member(one, "name") : std::nullopt;
    const auto subject = one.is_object() ? text_member(one, "subject") : std::nullopt;
    const auto version = one.is_object() ? one.find("version") : one.end();
    if (!name || !subject || version == one.end() || !version->is_number_integer())
      return fail(Errc::kCorrupt, "its answer has a reference that names no schema");
    answer.references.push_back({*name, {*subject, version->get<std::int64_t>()}});
  }
  return answer;
}

// Those that a schema refers to, each before the ones that refer to it.
Result<void> HttpRegistry::follow(const Answer& from, std::set<Reference>& seen,
                                  std::vector<runtime::NamedSchema>& to) {
  for (const Answer::Named& one : from.references) {
    if (!seen.insert(one.reference).second) continue;
    if (seen.size() > references_max_) {
      return fail(Errc::kLimit,
                  fmt::format("it refers to more than {} other schemas", references_max_));
    }
    const auto& [subject, version] = one.reference;
    const Result<Answer> answer =
        ask(fmt::format("/subjects/{}/versions/{}", percent_encoded(subject), version),
            fmt::format("version {} of {}", version, subject));
    if (!answer) return tl::unexpected(answer.error());
    if (auto followed = follow(*answer, seen, to); !followed) return followed;
    to.push_back({one.name, answer->text});
  }
  return {};
}

Result<runtime::RegisteredSchema> HttpRegistry::fetch(std::uint32_t id) {
  const std::string what = fmt::format("schema {}", id);
  Result<Answer> answer = ask(fmt::format("/schemas/ids/{}", id), what);
  if (!answer) return tl::unexpected(answer.error());
  runtime::RegisteredSchema schema{answer->language, answer->text, {}};
  std::set<Reference> seen;
  if (auto followed = follow(*answer, seen, schema.references); !followed)
    return fail(followed.error().code, fmt::format("{}: {}", what, followed.error().message));
  return schema;
}
}  // namespace tocsin::api
