/// Operational alerts: what the people who run the server should know of, newest kept, in the alert
/// store's family `notices`. Like ones within an hour are one, counted.
///
///   u64 sequence     JSON: the notice
#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct Notice {
  std::uint64_t sequence = 0;
  std::string kind = {};     // "delivery_exhausted", "endpoint_gone", …
  std::string subject = {};  // what it is about: a subscription's id
  std::string text = {};     // of the last time
  cep::EventTime first_at = {};
  cep::EventTime last_at = {};
  std::uint64_t count = 0;
};
/// Threading: any.
class Notices {
 public:
  /// Over a store that was opened with runtime::effect_families(), which must outlive this. Keeps
  /// so many.
  explicit Notices(runtime::Store& store, std::uint64_t notices_max = 1000)
      : store_(store), notices_max_(notices_max) {}
  /// Synced where it is a new one. Errors of both: kIo, kCorrupt.
  Result<void> add(std::string_view kind, std::string_view subject, std::string_view text,
                   cep::EventTime now);
  /// Newest first; false ends it.
  Result<void> list(const std::function<bool(const Notice&)>& visit) const;

 private:
  runtime::Store& store_;
  std::uint64_t notices_max_;
  std::mutex mutex_;
};
}  // namespace tocsin::api
