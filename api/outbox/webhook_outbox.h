/// Alerts by webhook: signs each (Standard Webhooks 1.0.0), sends it in the background, tries again
/// until the endpoint says 2xx or time is up, and keeps in a file what could not be delivered. At
/// least once, with a stable `webhook-id`.
///
/// Use: `open`, then `enqueue` for each alert as it is raised, then `finish` once. Over an alert
/// store (api/outbox/stored_deliveries.h) what is owed comes from there: `wake` says that there is
/// more, and what is left over stays for the next process, under the same `webhook-id`. The order
/// of arrival at the endpoint is best effort: up to `concurrency` requests are under way at once,
/// and one that is tried again arrives later.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::api {
class Clock;
class DeliverySource;
class HttpClient;

struct WebhookOptions {
  /// `http://HOST[:PORT][/PATH][?QUERY]` or `https://…`; no user, password or fragment.
  std::string url;
  /// `whsec_` and the base64 of 24 to 64 bytes (api/delivery/signature.h reads it from a file:
  /// `read_secret_file`).
  std::string secret;
  /// Waits before the second, third, … attempt at one alert, each varied by up to a quarter; after
  /// the last of them the alert is left over. `finish` shortens them.
  std::vector<std::chrono::milliseconds> retry_delays = default_retry_delays();
  /// Requests under way at once, 1 to 64.
  std::size_t concurrency = 4;
  std::chrono::milliseconds connect_timeout{3'000};
  /// For one whole attempt, to the end of the answer's head. A name look-up counts, but cannot be
  /// cut off.
  std::chrono::milliseconds total_timeout{15'000};
  /// Alerts held in memory; more wait in a temporary file beside `undelivered_path`, without a
  /// limit of their own.
  std::size_t queue_max = 10'000;
  /// Alerts that are left over are appended here, one JSON line each; the file is not made when
  /// there are none. Over a store it is not used.
  std::string undelivered_path = "tocsin-undelivered.ndjson";
  /// The bodies of alerts held in memory together have at most so many bytes, save that one is
  /// always held.
  std::size_t queue_bytes_max = 64 << 20;
  /// Seeds the variation of waits; not given: another one for every process.
  std::optional<std::uint64_t> jitter_seed = {};

  /// 1 s, 5 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h.
  static std::vector<std::chrono::milliseconds> default_retry_delays();
};

/// How the deliveries of a run went, for its summary.
struct DeliverySummary {
  std::uint64_t enqueued = 0;  // over a store: what was owed at the beginning, too
  std::uint64_t delivered = 0;
  std::uint64_t left_over = 0;  // enqueued - delivered: in the undelivered file, or in the store
  std::uint64_t attempts = 0;
  std::map<int, std::uint64_t>
      by_status;               // HTTP status to attempts; 0: no answer (refused, timed out, cut)
  std::string last_error;      // of the last attempt that failed; empty: none failed
  bool endpoint_gone = false;  // it answered 410 and was not asked again
};

/// Threading: one thread calls `enqueue` and `finish`, any `wake` until then; the sending threads
/// are the outbox's own.
class WebhookOutbox {
 public:
  /// Checks the options, opens `undelivered_path` for appending, starts the sending threads; sends
  /// nothing yet. Errors: kInvalidArgument for an option that cannot be used (url, secret, https
  /// without a trust store, a number out of range): a wrong command line; kIo for a file that
  /// cannot be written.
  /// With a `source`, which is not null, what is owed is what that gives, from now on.
  static Result<std::unique_ptr<WebhookOutbox>> open(WebhookOptions options);
  static Result<std::unique_ptr<WebhookOutbox>> open(WebhookOptions options,
                                                     std::unique_ptr<DeliverySource> source);
  /// The same over ports of the caller's, which must outlive the outbox.
  static Result<std::unique_ptr<WebhookOutbox>> open(WebhookOptions options, HttpClient& client,
                                                     Clock& clock);
  static Result<std::unique_ptr<WebhookOutbox>> open(WebhookOptions options, HttpClient& client,
                                                     Clock& clock,
                                                     std::unique_ptr<DeliverySource> source);

  WebhookOutbox(const WebhookOutbox&) = delete;
  WebhookOutbox& operator=(const WebhookOutbox&) = delete;
  /// Gives up at once on what is still owed if `finish` was not called, as `finish(0ms)` does.
  ~WebhookOutbox();

  /// Owes one alert: its id (32 hex digits), revision, and body, the alert's line without a line
  /// end. Does not wait for the network: costs a copy, or a write to the temporary file when memory
  /// is full. Errors: kIo when that file cannot be written; the alert is then not owed and the
  /// caller should end the run.
  /// Requires that the outbox was opened without a source.
  Result<void> enqueue(std::string_view alert_id, std::string_view payload,
                       std::uint64_t revision = 0);
  /// The source may have more.
  void wake();

  /// Goes on delivering for at most `give_up_after`, less if everything is delivered or the
  /// endpoint is gone; then ends requests under way, keeps what is left over and joins the threads.
  /// Call it once, last. Waits between attempts are at most a tenth of `give_up_after` from here
  /// on, and alerts that wait become due. `stop_requested` is asked about ten times a second, on
  /// the calling thread (a place to draw progress); true: as if the time were over. A name look-up
  /// under way is waited for. Errors: kIo when the undelivered file or the store cannot be written.
  Result<DeliverySummary> finish(std::chrono::milliseconds give_up_after,
                                 const std::function<bool()>& stop_requested = {});

  /// So far; may be called at any time (a progress bar).
  DeliverySummary summary() const;

 private:
  struct Impl;
  explicit WebhookOutbox(std::unique_ptr<Impl> impl);
  // Exactly one of the clients is not null.
  static Result<std::unique_ptr<WebhookOutbox>> open(WebhookOptions options,
                                                     std::unique_ptr<HttpClient> owned_client,
                                                     HttpClient* client, Clock& clock,
                                                     std::unique_ptr<DeliverySource> source);
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api
