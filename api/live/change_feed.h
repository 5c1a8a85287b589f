/// Live streams of what changes. One thread looks at what is followed, twice a second at most,
/// however many follow it; an event is formatted once, and all followers share its bytes.
///
/// A follower keeps no queue: it knows up to which revision it was told, and is told the newest
/// state of what has changed since, so that one that is slow holds nothing up and needs no memory.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/net/http_stream.h"

namespace tocsin::api {
/// How something is: the data of an event, JSON, by what it is about.
using ChangingState = std::map<std::string, std::string>;
struct ChangeTopic {
  std::string event;  // the name of its events
  /// How it is now; nothing: that cannot be read for the moment. Called by one thread at a time.
  std::function<std::optional<ChangingState>()> look;
  /// The data of the event which says that something is no longer there; empty: none says so.
  std::function<std::string(const std::string& key)> gone = {};
  std::chrono::milliseconds every{500};  // it is looked at, while somebody follows it
};
struct ChangeFeedOptions {
  std::size_t followers_max = 1000;
  std::chrono::milliseconds heartbeat{15'000};  // of a stream on which nothing happens
  std::function<bool()> is_closing = {};        // whether all streams are to end; may be empty
};
/// What a follower is told.
struct Followed {
  std::vector<std::size_t> topics;  // by place
  bool has_heartbeat = true;
};

/// Threading: any. Outlives its followers.
class ChangeFeed {
 public:
  explicit ChangeFeed(std::vector<ChangeTopic> topics, ChangeFeedOptions options = {});
  /// As stop().
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  /// Begins to look, in a thread. Without it step() does.
  void start();
  /// Ends every stream, for good.
  void stop();
  /// How its topics are, then what changes of them, until `may_go_on`, which is asked twice a
  /// second, says no. May wait for a look. Null where as many follow as may.
  std::shared_ptr<HttpStream> follow(Followed followed, std::function<bool()> may_go_on);
  std::size_t followers() const { return follower_count_; }
  const ChangeFeedOptions& options() const { return options_; }
  /// Looks at what is followed, and wakes those that are to be told; ends those that may not go on.
  void step();

 private:
  class Follower;
  struct Topic;
  void run();
  void look(Topic& topic);
  void take_in(Topic& topic, const ChangingState& state);
  std::vector<std::shared_ptr<Follower>> all_followers();

  const ChangeFeedOptions options_;
  std::atomic<std::size_t> follower_count_{0};
  std::mutex looking_;  // held while something is looked at; before `mutex_`
  std::mutex mutex_;    // of all below, held for moments only
  std::condition_variable stopping_;
  std::vector<std::unique_ptr<Topic>> topics_;
  std::vector<std::weak_ptr<Follower>> followers_;
  std::uint64_t revision_ = 0;  // of the newest change
  bool is_stopped_ = false;
  std::thread thread_;
};
}  // namespace tocsin::api
