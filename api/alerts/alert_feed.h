/// Live streams of alerts, and of what people do with them. One thread reads what is stored; an
/// alert is formatted once, and all followers share its bytes.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/alerts/alert_events.h"
#include "api/alerts/alert_query.h"
#include "api/net/http_stream.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
struct AlertFeedOptions {
  std::size_t followers_max = 1000;
  std::chrono::milliseconds heartbeat{15'000};  // of a stream on which nothing happens
  MaskLine mask = {};                           // for filters that are masked; empty: nothing is
};
/// What a follower is told.
struct AlertKinds {
  bool alerts = true;   // those that are raised, and gaps
  bool triage = false;  // what is done with alerts, once it has caught up
};
/// Threading: any. Outlives its followers.
class AlertFeed {
 public:
  /// The reader's store outlives it.
  explicit AlertFeed(runtime::EffectReader reader, AlertFeedOptions options = {});
  /// As stop().
  ~AlertFeed();
  AlertFeed(const AlertFeed&) = delete;
  AlertFeed& operator=(const AlertFeed&) = delete;

  /// Begins to read, in a thread. Without it step() does.
  void start();
  /// Alerts were stored. Waits for nobody.
  void notify();
  /// This is now the triage of an alert, stored; its line may be left out. Waits for nobody.
  /// Followers who lag behind, or many changes at once, miss some: they are told from where on they
  /// know all.
  void triaged(const runtime::StoredAlert& alert, const TriageRecord& record);
  /// Ends every stream, for good.
  void stop();

  /// Alerts with numbers beyond `after` that `filter` admits (its triage and times are not asked),
  /// as events (api/alerts/alert_events.h), until `may_go_on`, which is asked at least twice a
  /// second, says no. A follower that is behind reads the store itself, some at a time, on a
  /// worker; one that has caught up is given what comes. Null where as many follow as may.
  std::shared_ptr<HttpStream> follow(AlertFilter filter, std::uint64_t after, AlertKinds kinds,
                                     std::function<bool()> may_go_on);
  std::size_t followers() const { return follower_count_; }
  const AlertFeedOptions& options() const { return options_; }
  /// Gives followers what was stored, some at a time, and heartbeats to those that got nothing for
  /// so long; ends those that may not go on. Whether there is more.
  bool step();

 private:
  class Follower;
  struct Batch;
  void run();
  Batch read_batch(std::uint64_t after) const;
  void read_triage(Batch& batch);

  const runtime::EffectReader reader_;
  const AlertFeedOptions options_;
  std::atomic<std::size_t> follower_count_{0};
  std::atomic<std::size_t> with_triage_{0};  // of them

  std::mutex mutex_;
  std::vector<std::weak_ptr<Follower>> followers_;  // that have caught up
  std::uint64_t last_ = 0;                          // the number up to which they were given all
  std::mutex news_mutex_;                           // held for moments only
  std::condition_variable changed_;
  bool has_news_ = false;
  struct Triaged {
    std::uint64_t number = 0;  // the alert's
    std::string event;
  };
  std::vector<Triaged> triaged_;  // since the last look; kTriagedMax at most
  bool is_triage_lost_ = false;   // there were more
  std::atomic<bool> is_stopped_{false};
  std::thread thread_;
};
}  // namespace tocsin::api
