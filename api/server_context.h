/// What the operations of a running server work on.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "api/configuration.h"
#include "api/http_server.h"
#include "api/node_service.h"
#include "api/problem.h"
#include "api/rule_service.h"
#include "api/token_store.h"
#include "runtime/clock.h"
#include "runtime/data_directory.h"
#include "runtime/effect_store.h"
#include "runtime/files.h"

namespace tocsin::api {
class SubscriptionService;
/// Bytes that bodies hold at once, bounded. Threading: any.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  std::size_t held() const { return held_; }
  /// One request's share, given back with it.
  class Hold {
   public:
    [[nodiscard]] explicit Hold(BodyBudget& budget) : budget_(budget) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { budget_.held_ -= bytes_; }
    /// False: there is no room for so many more.
    bool add(std::size_t bytes) {
      if (budget_.held_.fetch_add(bytes) + bytes > budget_.bytes_max_) {
        budget_.held_ -= bytes;
        return false;
      }
      bytes_ += bytes;
      return true;
    }

   private:
    BodyBudget& budget_;
    std::size_t bytes_ = 0;
  };

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> held_{0};
};

/// Requests that were answered. Threading: any.
class HttpFigures {
 public:
  void add(int status, std::chrono::microseconds took) {
    const std::lock_guard lock(mutex_);
    ++by_status_[status];
    took_ += took;
  }
  std::map<int, std::uint64_t> by_status() const {
    const std::lock_guard lock(mutex_);
    return by_status_;
  }
  std::chrono::microseconds took() const {
    const std::lock_guard lock(mutex_);
    return took_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> by_status_;
  std::chrono::microseconds took_{0};
};

/// All outlives the routes. The node's own thread is behind `node`: questions are asked through it.
/// Effects may be read, and deliveries noted, from any thread.
struct ServerContext {
  NodeService& node;
  runtime::EffectStore& effects;
  runtime::Files& files;
  runtime::Clock& clock;
  const runtime::DataPaths& paths;
  RuleService& rules;
  const Configuration& configuration;
  TokenStore& tokens;
  BodyBudget& bodies;
  HttpFigures& http;
  std::size_t line_bytes_max;                    // of an event
  SubscriptionService* subscriptions = nullptr;  // null: nothing is delivered
};

/// The answer to a refusal of the node's service: 503 with Retry-After, or 409.
HttpResponse refusal_response(const Refusal& refusal);
/// The answer to an error of the node or the stores.
HttpResponse error_response(const Error& error);
/// A whole body. Fails with the problem to answer with: too large, too many at once, broken off.
tl::expected<std::string, HttpResponse> read_whole_body(HttpRequest& request,
                                                        BodyBudget::Hold& hold);
/// An answer of JSON.
HttpResponse json_response(const nlohmann::ordered_json& document, int status = 200);
/// How long a question may wait for the node's thread to begin.
inline constexpr std::chrono::milliseconds kAskPatience{10'000};
}  // namespace tocsin::api
