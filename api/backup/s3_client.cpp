#include "api/backup/s3_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/backup/s3_answer.h"
#include "api/net/http_message.h"
#include "cep/base/percent_encoded.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kAnswerBytesMax = std::size_t{8} << 20;  // of a page of 1,000 objects
constexpr std::chrono::milliseconds kDelayMax{10'000};
constexpr std::size_t kSaidBytesMax = 300;

class HttpNetwork final : public S3Network {
 public:
  explicit HttpNetwork(std::unique_ptr<HttpGet> http) : http_(std::move(http)) {}
  Result<HttpWhole> ask(const HttpQuestion& question) override { return http_->ask(question); }
  void stop() override { http_->stop(); }

 private:
  const std::unique_ptr<HttpGet> http_;
};

WebhookUrl host_of(const S3Place& place) {
  WebhookUrl url = place.endpoint;
  if (!place.is_path_style) url.host = place.bucket + "." + url.host;
  return url;
}

// The code of a failure, which may also come with status 200 where the work took long.
std::string code_of(const S3Call& call, const HttpReply& reply) {
  const bool may_fail = reply.status >= 300 || call.method == "POST";
  if (!may_fail || reply.body.find("<Error>") == reply.body.npos) return "";
  return s3_text(reply.body, "Code");
}

// Whether the same request may well have another answer soon.
bool is_passing(int status, std::string_view code) {
  constexpr std::array kStatuses = {429, 500, 502, 503, 504};
  constexpr std::array<std::string_view, 5> kCodes = {"RequestTimeout", "InternalError", "SlowDown",
                                                      "OperationAborted",
                                                      "ConditionalRequestConflict"};
  return std::ranges::count(kStatuses, status) != 0 || std::ranges::count(kCodes, code) != 0;
}

// What a store says, fit for a message.
std::string said_by(const HttpWhole& whole) {
  std::string text = s3_text(whole.reply.body, "Message").substr(0, kSaidBytesMax);
  std::ranges::replace_if(
      text, [](char letter) { return letter < ' ' || letter == 0x7f; }, '?');
  return text.empty() ? "" : fmt::format(" (\"{}\")", text);
}

// What can be done about a refusal; empty where it is not known.
std::string remedy_of(int status, std::string_view code) {
  struct Known {
    std::string_view code;
    std::string_view remedy;
  };
  constexpr std::string_view kKey =
      "it does not know the access key: correct the credentials (backups.s3_credentials_file, or "
      "AWS_ACCESS_KEY_ID)";
  constexpr std::array<Known, 11> kKnown = {{
      {"InvalidAccessKeyId", kKey},
      {"InvalidClientTokenId", kKey},
      {"InvalidToken", "the session token is not valid: give new temporary credentials"},
      {"ExpiredToken", "the temporary credentials have ended: give new ones"},
      {"SignatureDoesNotMatch",
       "the secret does not belong to the access key: correct the credentials "
       "(backups.s3_credentials_file, or AWS_SECRET_ACCESS_KEY)"},
      {"RequestTimeTooSkewed", "its clock and the one of this machine differ: set the clock"},
      {"AuthorizationHeaderMalformed", "set backups.s3_region to the region of the bucket"},
      {"PermanentRedirect",
       "the bucket is elsewhere: set backups.s3_region and backups.s3_endpoint to its place"},
      {"NoSuchBucket", "there is no such bucket: make it, or correct the place of backups"},
      {"AccessDenied",
       "the access key may not do this: allow s3:ListBucket on the bucket, and s3:GetObject, "
       "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects"},
      {"NoSuchUpload", "the upload was removed meanwhile, perhaps by a rule of the bucket"},
  }};
  for (const Known& known : kKnown) {
    if (known.code == code) return std::string(known.remedy);
  }
  if (status >= 300 && status < 400) return remedy_of(0, "PermanentRedirect");
  if (status == 401 || status == 403) return remedy_of(0, "AccessDenied");
  return "";
}
}  // namespace

Result<std::unique_ptr<S3Network>> make_s3_network(const S3Place& place, const S3Limits& limits) {
  auto http =
      HttpGet::make(host_of(place), {limits.timeout, std::max(limits.part_bytes, kAnswerBytesMax)});
  if (!http) return tl::unexpected(http.error());
  return std::make_unique<HttpNetwork>(*std::move(http));
}

S3Client::S3Client(S3Place place, S3Limits limits, S3Ports ports)
    : place_(std::move(place)), limits_(limits), ports_(std::move(ports)) {}

std::string S3Client::place_of(std::string_view name) const {
  return fmt::format("s3://{}/{}{}", place_.bucket, place_.prefix, name);
}

void S3Client::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
  ports_.network->stop();
}

bool S3Client::pause(std::int64_t attempt, std::string_view retry_after) {
  std::chrono::milliseconds delay = limits_.delay;
  for (std::int64_t i = 1; i < attempt && delay < kDelayMax; ++i) delay *= 2;
  if (const auto asked = parse_retry_after(retry_after, now().us / 1'000'000))
    delay = std::max<std::chrono::milliseconds>(delay, *asked);
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::min(delay, kDelayMax), [this] { return is_stopped_; });
}

Error S3Client::error_of(const S3Call& call, const HttpWhole& whole, std::string_view code) const {
  const int status = whole.reply.status;
  const std::string remedy = remedy_of(status, code);
  std::string text =
      fmt::format("{} at {}: {} was answered with {}{}{}", place_of(call.name),
                  place_.endpoint.text(), call.method, status, code.empty() ? "" : " ", code);
  text += remedy.empty() ? said_by(whole) : ": " + remedy;
  if (code == "AuthorizationHeaderMalformed") text += said_by(whole);
  const bool is_refusal = status == 401 || status == 403 || code == "AuthorizationHeaderMalformed";
  return {is_refusal ? Errc::kDenied : Errc::kIo, std::move(text)};
}

Result<HttpWhole> S3Client::ask_once(const S3Call& call) {
  const Result<S3Credentials> credentials = ports_.credentials();
  if (!credentials) return fail(Errc::kDenied, credentials.error().message);
  S3Request request{call.method, "/", call.query, call.headers, call.body};
  if (place_.is_path_style) request.path += percent_encoded(place_.bucket);
  if (!call.name.empty()) {
    if (place_.is_path_style) request.path += "/";
    request.path += percent_encoded(place_.prefix + call.name, "/");
  }
  const std::vector<HttpHeader> headers =
      s3_signed(request, host_of(place_).authority(), place_.region, *credentials, now());
  const std::string target = s3_target(request);
  const std::lock_guard lock(asking_);
  return ports_.network->ask({call.method, target, headers, call.body});
}

Result<S3Reply> S3Client::ask(const S3Call& call) {
  for (std::int64_t attempt = 1;; ++attempt) {
    Result<HttpWhole> whole = ask_once(call);
    if (!whole && whole.error().code == Errc::kStopped)
      return fail(Errc::kStopped, "the backup was stopped");
    Error error;
    if (whole) {
      const int status = whole->reply.status;
      const std::string code = code_of(call, whole->reply);
      const bool is_expected = std::ranges::count(call.expected, status) != 0;
      const bool is_good = status / 100 == 2 && code.empty();
      if (is_good || (is_expected && code != "NoSuchBucket"))
        return S3Reply{status, std::move(whole->reply.body), std::move(whole->etag)};
      error = error_of(call, *whole, code);
      if (!is_passing(status, code)) return tl::unexpected(std::move(error));
    } else {
      error = {whole.error().code, fmt::format("{} at {}: {}", place_of(call.name),
                                               place_.endpoint.text(), whole.error().message)};
      if (error.code != Errc::kIo) return tl::unexpected(std::move(error));
    }
    if (attempt >= limits_.attempts) {
      error.message += fmt::format("; it was tried {} times (backups.s3_attempts)", attempt);
      return tl::unexpected(std::move(error));
    }
    if (!pause(attempt, whole ? std::string_view(whole->reply.retry_after) : ""))
      return fail(Errc::kStopped, "the backup was stopped");
  }
}
}  // namespace tocsin::api
