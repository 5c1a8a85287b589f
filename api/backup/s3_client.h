/// Requests to one place in an S3-compatible store: signed, bounded in time, sent again while the
/// store is busy, and failures said in words.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/backup/s3_credentials.h"
#include "api/net/webhook_url.h"
#include "api/outbound/http_get.h"
#include "cep/base/result.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
struct S3Place {
  std::string bucket;
  std::string prefix;  // empty, or with a slash at its end
  WebhookUrl endpoint;
  std::string region;
  bool is_path_style = true;  // the bucket is in the path; else in the host
};
struct S3Limits {
  std::size_t part_bytes = std::size_t{16} << 20;  // of an object that one request moves
  std::chrono::milliseconds timeout{60'000};       // of a request
  std::int64_t attempts = 5;
  std::chrono::milliseconds delay{200};  // before the second; each next one is twice as long
};
/// The network, as a port. Threading: ask() by one caller at a time, stop() from any.
class S3Network {
 public:
  S3Network() = default;
  S3Network(const S3Network&) = delete;
  S3Network& operator=(const S3Network&) = delete;
  virtual ~S3Network() = default;
  /// As HttpGet has it.
  virtual Result<HttpWhole> ask(const HttpQuestion& question) = 0;
  virtual void stop() = 0;
};
/// Errors: kIo when https has no trust store.
Result<std::unique_ptr<S3Network>> make_s3_network(const S3Place& place, const S3Limits& limits);
struct S3Ports {
  std::unique_ptr<S3Network> network;
  S3CredentialSource credentials;
  runtime::Clock& clock;
};
struct S3Call {
  std::string method;
  std::string name = {};  // of an object, below the prefix; empty: it concerns the bucket
  std::vector<std::pair<std::string, std::string>> query = {};
  std::vector<HttpHeader> headers = {};
  std::string_view body = {};
  std::vector<int> expected = {};  // statuses beside 2xx that are no failure
};
struct S3Reply {
  int status = 0;
  std::string body;
  std::string etag;
};
/// Threading: any.
class S3Client {
 public:
  S3Client(S3Place place, S3Limits limits, S3Ports ports);
  /// The answer, with status 2xx or one that is expected. Errors, naming place and remedy: kDenied
  /// where the store does not let us, kIo, kStopped.
  Result<S3Reply> ask(const S3Call& call);
  /// Ends requests under way, and every later one, with kStopped.
  void stop();
  /// s3://BUCKET/PREFIX/NAME
  std::string place_of(std::string_view name) const;
  const S3Place& place() const { return place_; }
  const S3Limits& limits() const { return limits_; }
  cep::EventTime now() const { return ports_.clock.now(); }

 private:
  Result<HttpWhole> ask_once(const S3Call& call);
  // Waits before one more attempt; false: stop() was called.
  bool pause(std::int64_t attempt, std::string_view retry_after);
  Error error_of(const S3Call& call, const HttpWhole& whole, std::string_view code) const;

  const S3Place place_;
  const S3Limits limits_;
  const S3Ports ports_;
  std::mutex asking_;  // one request at a time
  std::mutex mutex_;   // of what follows
  std::condition_variable changed_;
  bool is_stopped_ = false;
};
}  // namespace tocsin::api
