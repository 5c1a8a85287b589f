/// What `tocsin receive` does with one webhook: checks it, knows repeats, hands new alerts on. No
/// sockets.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "api/delivery/signature.h"
#include "cep/base/result.h"

namespace tocsin::api {
struct ReceiverOptions {
  std::uint64_t count = 0;  // alerts after which nothing more is taken; 0: no end
  std::uint64_t fail_first =
      0;  // good webhooks answered with 500 before the first is taken: to try a sender out
};
struct ReceiverCounts {
  std::uint64_t alerts = 0;      // taken, each id once
  std::uint64_t duplicates = 0;  // repeats of those
  std::uint64_t refused = 0;     // a signature, timestamp or body that is not good
  std::uint64_t failed = 0;      // answered with 500 on purpose
};

/// Threading: one thread at a time.
class AlertReceiver {
 public:
  struct Answer {
    int status = 200;
    std::string text;  // one line without an end; empty with 200
  };
  /// Is given the body of each new alert, in the order of arrival; when it fails the sender is told
  /// to try again.
  using Sink = std::function<Result<void>(std::string_view body)>;

  AlertReceiver(WebhookSecret secret, ReceiverOptions options, Sink sink);
  /// Takes one webhook at `now_s`, seconds since the epoch. 200: a new alert, or one that was taken
  /// before; 400: the body is not JSON; 401: not signed as it should be; 500: asked for, or the
  /// sink failed; 503: the count is reached.
  Answer take(const WebhookHeaders& headers, std::string_view body, std::int64_t now_s);

  const ReceiverCounts& counts() const { return counts_; }
  bool is_complete() const { return options_.count > 0 && counts_.alerts >= options_.count; }
  /// The sink's first failure, or nothing.
  const Result<void>& sink_state() const { return sink_state_; }

 private:
  void remember(std::string_view id);

  WebhookSecret secret_;
  ReceiverOptions options_;
  Sink sink_;
  ReceiverCounts counts_;
  Result<void> sink_state_;
  std::unordered_set<std::string> known_ids_;
  std::deque<std::string> ids_in_order_;  // the oldest is forgotten first
};

/// An alert of format 1 as one line for people: time, severity, rule, key, message. Control
/// characters are shown as
/// `\x1b`, so that no event can write to the reader's terminal. JSON that is no such alert is shown
/// as it is.
std::string describe_alert(std::string_view body);
/// JSON as one line: as it is, or without its line ends where it has any.
std::string json_line(std::string_view body);
}  // namespace tocsin::api
