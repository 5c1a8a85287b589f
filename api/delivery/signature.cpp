#include "api/delivery/signature.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <system_error>

#include "api/secrets/secret_keys.h"
#include "cep/base/assert.h"
#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kSignaturePrefix = "v1,";
constexpr std::size_t kSecretBytesMin = 24;
constexpr std::size_t kSecretBytesMax = 64;
constexpr std::size_t kSecretFileMax = 4096;  // bytes; no secret is near it

constexpr std::string_view kBlank = " \t\r\n";

using Sha256 = std::array<unsigned char, 32>;

std::string to_base64(const Sha256& digest) {
  std::string text(4 * ((digest.size() + 2) / 3) + 1, '\0');  // OpenSSL writes a final zero
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), digest.data(),
                                     static_cast<int>(digest.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// The bytes of standard base64 with its padding, which may be left off; nothing if `text` is
// anything else.
std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t padding_at = text.find('=');
  const std::string_view digits = text.substr(0, padding_at);
  const std::string_view padding = text.substr(digits.size());
  if (digits.size() % 4 == 1) return std::nullopt;
  if (!padding.empty() && (text.size() % 4 != 0 || padding.find_first_not_of('=') != padding.npos))
    return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char digit : digits) {
    const std::size_t value = kAlphabet.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffff;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes.push_back(static_cast<char>(bits >> bit_count & 0xff));
    }
  }
  const bool spare_bits_are_zero = (bits & ((1u << bit_count) - 1)) == 0;
  if (!spare_bits_are_zero) return std::nullopt;
  return bytes;
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Result<std::string> read_small_file(const std::string& path) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    return fail(Errc::kIo, fmt::format("cannot read the secret file: {}: {}",
                                       std::generic_category().message(errno), path));
  }
  std::string text(kSecretFileMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return fail(Errc::kIo, fmt::format("cannot read the secret file: {}: {}",
                                       std::generic_category().message(errno), path));
  }
  if (text.size() > kSecretFileMax)
    return fail(Errc::kInvalidArgument, "the secret file is too long to hold a secret: " + path);
  return text;
}
}  // namespace

Result<WebhookSecret> WebhookSecret::parse(std::string_view text) {
  text = trimmed(text, kBlank);
  if (text.empty()) return fail(Errc::kInvalidArgument, "the webhook secret is empty");
  if (!text.starts_with(kSecretPrefix)) {
    return fail(Errc::kInvalidArgument,
                "a webhook secret is `whsec_` followed by base64; this one begins otherwise");
  }
  text.remove_prefix(kSecretPrefix.size());
  std::optional<std::string> bytes = from_base64(text);
  if (!bytes) {
    return fail(Errc::kInvalidArgument, "the webhook secret is not base64 after `whsec_`");
  }
  if (bytes->size() < kSecretBytesMin || bytes->size() > kSecretBytesMax) {
    return fail(Errc::kInvalidArgument,
                fmt::format("a webhook secret has {} to {} bytes; this one has {}", kSecretBytesMin,
                            kSecretBytesMax, bytes->size()));
  }
  return WebhookSecret(std::move(*bytes));
}

Result<std::string> read_secret_text(const std::string& path) {
  Result<std::string> text = read_small_file(path);
  if (!text) return text;
  if (Result<WebhookSecret> secret = WebhookSecret::parse(*text); !secret)
    return fail(secret.error().code, secret.error().message + ": " + path);
  return std::string(trimmed(*text, kBlank));
}

Result<WebhookSecret> read_secret_file(const std::string& path) {
  return read_secret_text(path).and_then(
      [](const std::string& text) { return WebhookSecret::parse(text); });
}

std::string sign_webhook(const WebhookSecret& secret, std::string_view id, std::int64_t timestamp_s,
                         std::string_view body) {
  std::string content = fmt::format("{}.{}.", id, timestamp_s);
  content += body;
  return std::string(kSignaturePrefix) + to_base64(hmac_sha256(secret.bytes(), content));
}

Result<void> verify_webhook(const WebhookSecret& secret, const WebhookHeaders& headers,
                            std::string_view body, std::int64_t now_s) {
  if (headers.id.empty()) return fail(Errc::kDenied, "header webhook-id is missing");
  if (headers.timestamp.empty()) return fail(Errc::kDenied, "header webhook-timestamp is missing");
  if (headers.signature.empty()) return fail(Errc::kDenied, "header webhook-signature is missing");
  std::int64_t timestamp_s = 0;
  const char* const end = headers.timestamp.data() + headers.timestamp.size();
  const auto parsed = std::from_chars(headers.timestamp.data(), end, timestamp_s);
  if (parsed.ec != std::errc{} || parsed.ptr != end || timestamp_s < 0)
    return fail(Errc::kDenied, "header webhook-timestamp is no time in seconds");
  if (timestamp_s < now_s - kTimestampTolerance.count()) {
    return fail(Errc::kDenied, fmt::format("the webhook is too old: {} s", now_s - timestamp_s));
  }
  if (timestamp_s > now_s + kTimestampTolerance.count()) {
    return fail(Errc::kDenied,
                fmt::format("the webhook is from the future: {} s ahead", timestamp_s - now_s));
  }
  const std::string expected = sign_webhook(secret, headers.id, timestamp_s, body);
  std::string_view rest = headers.signature;
  bool matched = false;
  while (!rest.empty()) {
    const std::string_view candidate = rest.substr(0, rest.find(' '));
    matched |= equal_in_constant_time(candidate, expected);
    rest.remove_prefix(std::min(rest.size(), candidate.size() + 1));
  }
  if (!matched) return fail(Errc::kDenied, "the signature does not match");
  return {};
}

std::string webhook_id(std::string_view alert_id, std::uint64_t revision, std::string_view url) {
  const std::string content =
      fmt::format("tocsin webhook id 1\n{}\n{}\n{}", alert_id, revision, url);
  Sha256 digest;
  unsigned length = 0;
  const int made =
      EVP_Digest(content.data(), content.size(), digest.data(), &length, EVP_sha256(), nullptr);
  TOCSIN_ASSERT(made == 1 && length == digest.size(), "SHA-256 gives 32 bytes");
  std::string id = "msg_";
  for (std::size_t i = 0; i < 16; ++i) id += fmt::format("{:02x}", digest[i]);
  return id;
}
}  // namespace tocsin::api
