#include "api/backup/s3_signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <map>

#include "cep/base/assert.h"
#include "cep/base/trimmed.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
std::string_view bytes_of(const cep::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

cep::Digest hmac(std::string_view key, std::string_view text) {
  cep::Digest tag{};
  unsigned int length = 0;
  const unsigned char* const made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), tag.data(), &length);
  TOCSIN_ASSERT(made != nullptr && length == tag.size(), "HMAC-SHA-256 has 32 bytes");
  return tag;
}

std::string query_of(const S3Request& request) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : request.query)
    encoded.emplace_back(s3_encoded(name, false), s3_encoded(value, false));
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

std::string s3_encoded(std::string_view text, bool keeps_slashes) {
  constexpr std::string_view kPlain = "-._~";
  std::string encoded;
  for (const char letter : text) {
    const bool is_plain = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                          (letter >= 'A' && letter <= 'Z') || kPlain.find(letter) != kPlain.npos ||
                          (keeps_slashes && letter == '/');
    if (is_plain) {
      encoded += letter;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
  }
  return encoded;
}

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
  cep::Digest key = hmac("AWS4" + credentials.secret, day);
  for (const std::string_view part :
       {region, std::string_view("s3"), std::string_view("aws4_request")})
    key = hmac(bytes_of(key), part);
  headers.push_back(
      {"Authorization",
       fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                   credentials.key_id, scope, names, cep::hex(hmac(bytes_of(key), text)))});
  return headers;
}
}  // namespace tocsin::api
