#include "api/delivery/signature.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace tocsin::api {
namespace {
// The example of the Standard Webhooks libraries' own tests.
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTimestamp = 1614265330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

WebhookSecret secret() { return *WebhookSecret::parse(kSecret); }

TEST_CASE("signature: the published example") {
  CHECK(sign_webhook(secret(), kId, kTimestamp, kBody) == kSignature);
}

TEST_CASE("signature: what is signed verifies, anything else does not") {
  struct Row {
    const char* name;
    WebhookHeaders headers;
    std::string_view body;
    std::int64_t now_s;
    const char* why;  // empty: verifies
  };
  const std::string among_others =
      "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "
      "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= " +
      std::string(kSignature) + " v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
  const std::string as_v2 = "v2" + std::string(kSignature.substr(2));
  const std::string at = "1614265330";
  const Row rows[] = {
      {"as signed", {kId, at, kSignature}, kBody, kTimestamp, ""},
      {"one of several", {kId, at, among_others}, kBody, kTimestamp, ""},
      {"at the tolerance, late", {kId, at, kSignature}, kBody, kTimestamp + 300, ""},
      {"past it", {kId, at, kSignature}, kBody, kTimestamp + 301, "too old: 301 s"},
      {"at the tolerance, early", {kId, at, kSignature}, kBody, kTimestamp - 300, ""},
      {"before it", {kId, at, kSignature}, kBody, kTimestamp - 301, "future: 301 s"},
      {"no id", {"", at, kSignature}, kBody, kTimestamp, "webhook-id is missing"},
      {"no timestamp", {kId, "", kSignature}, kBody, kTimestamp, "webhook-timestamp is missing"},
      {"no signature", {kId, at, ""}, kBody, kTimestamp, "webhook-signature is missing"},
      {"no number", {kId, "hello", kSignature}, kBody, kTimestamp, "no time in seconds"},
      {"a number and more", {kId, "1614265330x", kSignature}, kBody, kTimestamp, "no time"},
      {"a negative time", {kId, "-1", kSignature}, kBody, kTimestamp, "no time in seconds"},
      {"a huge time", {kId, "99999999999999999999", kSignature}, kBody, kTimestamp, "no time"},
      {"another id", {"msg_x", at, kSignature}, kBody, kTimestamp, "does not match"},
      {"another time", {kId, "1614265331", kSignature}, kBody, kTimestamp, "does not match"},
      {"another body", {kId, at, kSignature}, "{}", kTimestamp, "does not match"},
      {"another version", {kId, at, as_v2}, kBody, kTimestamp, "does not match"},
      {"a beginning of it", {kId, at, kSignature.substr(0, 20)}, kBody, kTimestamp, "not match"},
      {"blanks", {kId, at, "  "}, kBody, kTimestamp, "does not match"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Result<void> verified = verify_webhook(secret(), row.headers, row.body, row.now_s);
    const std::string why = verified ? "" : verified.error().message;
    CAPTURE(why);
    CHECK(verified.has_value() == std::string_view(row.why).empty());
    CHECK(why.find(row.why) != std::string::npos);
  }
}

TEST_CASE("signature: a secret is whsec_ and the base64 of 24 to 64 bytes") {
  const std::string zeros(86, 'A');  // 64 bytes
  struct Row {
    const char* name;
    std::string text;
    std::size_t bytes;  // 0: refused
  };
  const Row rows[] = {
      {"24 bytes", std::string(kSecret), 24},
      {"with a line end", std::string(kSecret) + "\r\n", 24},
      {"64 bytes", "whsec_" + zeros + "==", 64},
      {"padding left off", "whsec_" + zeros, 64},
      {"25 bytes", "whsec_" + std::string(32, 'A') + "AA==", 25},
      {"65 bytes", "whsec_" + std::string(87, 'A') + "=", 0},
      {"23 bytes", "whsec_" + std::string(31, 'A') + "=", 0},
      {"no prefix", std::string(kSecret.substr(6)), 0},
      {"a public key", "whpk_" + std::string(43, 'A') + "=", 0},
      {"empty", "", 0},
      {"blank", " \n", 0},
      {"a strange letter", "whsec_" + std::string(31, 'A') + "!", 0},
      {"URL alphabet", "whsec_" + std::string(31, 'A') + "-", 0},
      {"padding inside", "whsec_" + std::string(16, 'A') + "==" + std::string(16, 'A'), 0},
      {"spare bits set", "whsec_" + std::string(32, 'A') + "AB==", 0},
      {"two secrets", std::string(kSecret) + "\n" + std::string(kSecret), 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Result<WebhookSecret> parsed = WebhookSecret::parse(row.text);
    CHECK((parsed ? parsed->bytes().size() : 0) == row.bytes);
    // What is refused is not shown: it may be a secret after all.
    if (!parsed && row.text.size() > 8)
      CHECK(parsed.error().message.find(row.text.substr(6, 16)) == std::string::npos);
  }
}

TEST_CASE("signature: a secret is read from a file, and errors name the file") {
  const std::string path =
      (std::filesystem::temp_directory_path() / "tocsin_signature_test_secret").string();
  const auto write = [&](std::string_view text) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  };
  write(std::string(kSecret) + "\n");
  CHECK(read_secret_text(path).value_or("") == kSecret);
  write("nonsense");
  const Result<WebhookSecret> refused = read_secret_file(path);
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::kInvalidArgument);
  CHECK(refused.error().message.find(path) != std::string::npos);
  write(std::string(100'000, 'x'));
  CHECK(!read_secret_file(path));
  std::filesystem::remove(path);
  const Result<WebhookSecret> missing = read_secret_file(path);
  REQUIRE(!missing);
  CHECK(missing.error().code == Errc::kIo);
  CHECK(missing.error().message.find(path) != std::string::npos);
  CHECK(!read_secret_file(std::filesystem::temp_directory_path().string()));
}

TEST_CASE(
    "signature: a webhook's id is stable, and another for every alert, revision and endpoint") {
  const std::string id = webhook_id("0123456789abcdef0123456789abcdef", 0, "http://127.0.0.1:1/");
  CHECK(id == "msg_899da8c927869c4b46b2861587c89340");
  CHECK(webhook_id("0123456789abcdef0123456789abcdef", 1, "http://127.0.0.1:1/") != id);
  CHECK(webhook_id("0123456789abcdef0123456789abcdef", 0, "http://127.0.0.1:2/") != id);
  CHECK(webhook_id("1123456789abcdef0123456789abcdef", 0, "http://127.0.0.1:1/") != id);
}
}  // namespace
}  // namespace tocsin::api
