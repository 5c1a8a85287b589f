/// Owes summaries and groups when they are due, by a thread of its own.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "api/base/clock.h"
#include "api/delivery/delivery_planner.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// Threading: any.
class MessageReleaser {
 public:
  using Released = std::function<void()>;
  using Failed = std::function<void(const Error&)>;
  /// Begins at once; borrows all. Both functions are called on its thread: `released` when
  /// something was looked at, `failed` where the store failed, which ends it.
  MessageReleaser(DeliveryPlanner& planner, runtime::EffectStore& effects, runtime::Clock& wall,
                  Clock& clock, Released released, Failed failed);
  /// As stop().
  ~MessageReleaser() { stop(); }
  MessageReleaser(const MessageReleaser&) = delete;
  MessageReleaser& operator=(const MessageReleaser&) = delete;

  /// Something may be due, or due earlier.
  void wake();
  void stop();

 private:
  void run();

  DeliveryPlanner& planner_;
  runtime::EffectStore& effects_;
  runtime::Clock& wall_;
  Clock& clock_;
  const Released released_;
  const Failed failed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_woken_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};
}  // namespace tocsin::api
