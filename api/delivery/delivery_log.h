/// What became of attempts to deliver, newest kept: by endpoint in order, and by alert.
///
///   'l' u8[16] endpoint | u64 sequence                  the attempt
///   'n' u64 alert's number | u8[16] endpoint | u64 sequence   nothing
///
/// Not synced: what a power failure takes is a line of a log.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct LoggedAttempt {
  std::uint64_t sequence = 0;  // 1, 2, … of its endpoint; given by the log
  std::uint64_t number = 0;    // the alert's; 0: a test
  std::string alert_id = {};
  std::string webhook_id = {};
  std::uint32_t attempt = 0;  // 1, 2, …
  cep::EventTime at = {};
  int status = 0;  // HTTP; 0: no answer
  cep::Duration latency = {};
  std::string error = {};   // of one that failed
  std::string answer = {};  // the begin of its body
};
/// Threading: any.
class DeliveryLog {
 public:
  /// Over a store that was opened with runtime::effect_families(), which must outlive this. Keeps
  /// so many attempts of each endpoint.
  explicit DeliveryLog(runtime::Store& store, std::uint64_t attempts_max = 1000)
      : store_(store), attempts_max_(attempts_max) {}

  /// Errors of all here: kIo, kCorrupt.
  Result<void> add(runtime::EndpointId endpoint, LoggedAttempt attempt);
  using Visitor = std::function<bool(const LoggedAttempt&)>;
  /// Newest first, from before `sequence` on; false ends it.
  Result<void> attempts(runtime::EndpointId endpoint, std::uint64_t before,
                        const Visitor& visit) const;
  /// The attempts at an alert, oldest first of each endpoint.
  Result<void> attempts_at(
      std::uint64_t number,
      const std::function<bool(runtime::EndpointId, const LoggedAttempt&)>& visit) const;
  Result<void> forget(runtime::EndpointId endpoint);

 private:
  Result<std::uint64_t> last_sequence(runtime::EndpointId endpoint) const;

  runtime::Store& store_;
  std::uint64_t attempts_max_;
  std::mutex mutex_;
  std::map<runtime::EndpointId, std::uint64_t> last_;
};
}  // namespace tocsin::api
