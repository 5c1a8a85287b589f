/// Answers to requests that carried an idempotency key, kept so that one which is sent again is not
/// done again. In the alert store's family `answers`:
///
///   'k' u8[32] whose key it is     u8 format 1 | i64 at | u8[32] request | u8 is answered
///                                  | v status | text media type | v headers (text, text)… | text
///                                  body
///   't' u64 at | u8[32] whose key  u64 bytes of the value before
///
/// Invariant: a request is begun here, on disk, before it does anything, and what it answered is on
/// disk before the client has it. One that was begun and has no answer when the process starts may
/// have been done or not: nobody knows.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

#include "api/net/http_server.h"
#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct AnswerLimits {
  cep::Duration age_max{24LL * 3600 * 1'000'000};
  std::uint64_t answers_max = 100'000;                // the oldest go
  std::uint64_t bytes_max = std::uint64_t{64} << 20;  // likewise
};
struct AnswerFigures {
  std::uint64_t answers = 0;
  std::uint64_t bytes = 0;
  std::uint64_t repeated = 0;  // given once more, by this process
  std::uint64_t evicted = 0;   // before their age, by this process
};
/// A request by its digests.
struct KeyedRequest {
  cep::Digest key{};      // whose key
  cep::Digest request{};  // what was asked for
};
/// Threading: any.
class AnswerStore {
 public:
  /// Over a store that was opened with runtime::effect_families(); both must outlive this. Errors
  /// of all here: kCorrupt, and those of the store.
  static Result<std::unique_ptr<AnswerStore>> open(runtime::Store& store, runtime::Clock& clock,
                                                   AnswerLimits limits);
  enum class Found : std::uint8_t {
    kNew,       // it is begun: end it by keep() or release()
    kAnswered,  // `answer` is what was answered
    kOther,     // the key was used for another request
    kInWork,    // it is under way
    kUnknown,   // it was begun, and the process ended before it answered
  };
  struct Begun {
    Found found = Found::kNew;
    HttpResponse answer = {};
  };
  /// Synced where it is new.
  Result<Begun> begin(const KeyedRequest& request);
  /// It was answered so. Synced.
  Result<void> keep(const KeyedRequest& request, const HttpResponse& answer);
  /// It did nothing: the key is as if it had never been used.
  Result<void> release(const KeyedRequest& request);
  /// Nobody will know what became of it: the key is used up.
  void abandon(const KeyedRequest& request);
  AnswerFigures figures() const;

 private:
  AnswerStore(runtime::Store& store, runtime::Clock& clock, const AnswerLimits& limits)
      : store_(store), clock_(clock), limits_(limits) {}
  Result<void> make_room(cep::EventTime now, runtime::StoreBatch& batch);

  runtime::Store& store_;
  runtime::Clock& clock_;
  const AnswerLimits limits_;
  mutable std::mutex mutex_;
  std::set<cep::Digest> in_work_;
  AnswerFigures figures_;
};
}  // namespace tocsin::api
