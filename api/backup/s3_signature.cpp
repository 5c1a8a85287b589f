#include "api/backup/s3_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/secrets/secret_keys.h"
#include "cep/base/percent_encoded.h"
#include "cep/base/trimmed.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
std::string_view bytes_of(const cep::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string query_of(const S3Request& request) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : request.query)
    encoded.emplace_back(percent_encoded(name), percent_encoded(value));
  std::ranges::sort(encoded);
  std::string text;
  for (const auto& [name, value] : encoded)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

// 20130524T000000Z
std::string date_of(cep::EventTime now) {
  std::string text = cep::format_time(now).substr(0, sizeof "2013-05-24T00:00:00" - 1);
  std::erase_if(text, [](char letter) { return letter == '-' || letter == ':'; });
  return text + "Z";
}

std::string lower_case(std::string text) {
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + ('a' - 'A'));
  }
  return text;
}
}  // namespace

std::string s3_target(const S3Request& request) {
  const std::string query = query_of(request);
  return query.empty() ? request.path : request.path + "?" + query;
}

std::vector<HttpHeader> s3_signed(const S3Request& request, std::string_view host,
                                  std::string_view region, const S3Credentials& credentials,
                                  cep::EventTime now) {
  const std::string date = date_of(now);
  const std::string body_digest = cep::hex(cep::sha256(request.body));
  std::vector<HttpHeader> headers = request.headers;
  headers.push_back({"x-amz-content-sha256", body_digest});
  headers.push_back({"x-amz-date", date});
  if (!credentials.token.empty()) headers.push_back({"x-amz-security-token", credentials.token});
  std::map<std::string, std::string> all{{"host", std::string(host)}};
  for (const HttpHeader& header : headers) all[lower_case(header.name)] = trimmed(header.value);
  std::string lines;
  std::string names;
  for (const auto& [name, value] : all) {
    lines += fmt::format("{}:{}\n", name, value);
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  }
  const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path,
                                            query_of(request), lines, names, body_digest);
  const std::string day = date.substr(0, 8);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", day, region);
  const std::string text =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, cep::hex(cep::sha256(canonical)));
  cep::Digest key = hmac_sha256("AWS4" + credentials.secret, day);
  for (const std::string_view part :
       {region, std::string_view("s3"), std::string_view("aws4_request")})
    key = hmac_sha256(bytes_of(key), part);
  headers.push_back(
      {"Authorization",
       fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                   credentials.key_id, scope, names, cep::hex(hmac_sha256(bytes_of(key), text)))});
  return headers;
}
}  // namespace tocsin::api
