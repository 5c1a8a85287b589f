/// Work of a request that may take a processor for seconds: checks, tests and dry runs of rules,
/// queries, exports, replays. It leaves processors to all else.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/net/http_server.h"
#include "api/rest/route.h"

namespace tocsin::api {
struct CheckLimits {
  int at_once = 2;  // 1 or more
  /// Of one dry run: what its rules remember, and its time.
  std::uint64_t memory_max = std::uint64_t{256} << 20;
  std::chrono::milliseconds time_max{30'000};
};
using RouteHandler = std::function<HttpResponse(ApiRequest&)>;
/// A handler that runs in a thread of lower priority, for what says itself how many may run.
RouteHandler at_lower_priority(RouteHandler handler);

/// Threading: any.
class CheckSlots {
 public:
  explicit CheckSlots(CheckLimits limits = {}) : limits_(limits) {}
  CheckSlots(const CheckSlots&) = delete;
  CheckSlots& operator=(const CheckSlots&) = delete;
  const CheckLimits& limits() const { return limits_; }
  /// What `work` answers, which runs meanwhile in a thread of lower priority; throws what it
  /// throws. Where as many run as may, the answer says so.
  HttpResponse run(const std::function<HttpResponse()>& work);

 private:
  const CheckLimits limits_;
  std::atomic<int> taken_{0};
};

/// Places of which each asker, a token or a person by name, may have a share. Threading: any.
class SharedPlaces {
 public:
  SharedPlaces(std::size_t most, std::size_t each_max) : most_(most), each_max_(each_max) {}
  SharedPlaces(const SharedPlaces&) = delete;
  SharedPlaces& operator=(const SharedPlaces&) = delete;
  /// Held while it is taken; the places outlive it.
  using Place = std::shared_ptr<const void>;
  /// Null: all are taken, or the asker's share is.
  Place take(const std::string& asker);
  std::size_t taken() const;

 private:
  const std::size_t most_;
  const std::size_t each_max_;
  mutable std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t, std::less<>> by_asker_;
};

struct ReadLimits {
  std::size_t at_once = 4;                     // 1 or more
  std::size_t waiting_max = 64;                // for one of those slots
  std::size_t waiting_each = 16;               // of them, of one asker
  std::chrono::milliseconds patience{10'000};  // of who waits
  std::size_t exports_max = 8;                 // that are open
  std::size_t exports_each = 4;                // of them, of one asker
};
/// Slots of queries, replays and pages of exports. Who asks while all are taken waits for one, the
/// longest first. An asker is a token or a person, by name. Threading: any.
class ReadSlots {
 public:
  using Work = std::function<HttpResponse()>;
  explicit ReadSlots(ReadLimits limits = {})
      : limits_(limits), exports_(limits.exports_max, limits.exports_each) {}
  ReadSlots(const ReadSlots&) = delete;
  ReadSlots& operator=(const ReadSlots&) = delete;
  const ReadLimits& limits() const { return limits_; }
  /// What `work` answers, which runs meanwhile in a thread of lower priority; throws what it
  /// throws. 503 where too many wait, or no slot was free in time.
  HttpResponse run(const std::string& asker, const Work& work);
  /// A handler that does so for whoever asks.
  RouteHandler around(RouteHandler handler);
  /// Null: as many are open as may, of all or of this asker.
  SharedPlaces::Place begin_export(const std::string& asker) { return exports_.take(asker); }
  /// The answer where there is none.
  HttpResponse too_many_exports() const;
  /// Makes a page of an export in such a thread, however long it waits for its slot.
  std::optional<std::string> page(const std::function<std::optional<std::string>()>& make);
  /// How many run, and how many wait.
  std::size_t taken() const;
  std::size_t waiting() const;

 private:
  class Turn;
  enum class Entry : std::uint8_t { kIn, kFull, kLate };
  Entry enter(const std::string& asker, bool has_patience);
  void leave();

  const ReadLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t taken_ = 0;
  std::uint64_t next_ = 0;
  std::deque<std::uint64_t> line_;  // who waits, the longest first
  std::map<std::string, std::size_t, std::less<>> waiting_by_;
  SharedPlaces exports_;
};
}  // namespace tocsin::api
