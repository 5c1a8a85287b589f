#include "api/outbox/message_releaser.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
// The wall clock may be set while one waits.
constexpr std::chrono::microseconds kWaitMax{5'000'000};
}  // namespace

MessageReleaser::MessageReleaser(DeliveryPlanner& planner, runtime::EffectStore& effects,
                                 runtime::Clock& wall, Clock& clock, Released released,
                                 Failed failed)
    : planner_(planner),
      effects_(effects),
      wall_(wall),
      clock_(clock),
      released_(std::move(released)),
      failed_(std::move(failed)),
      thread_([this] { run(); }) {}

void MessageReleaser::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  changed_.notify_all();
}

void MessageReleaser::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void MessageReleaser::run() {
  runtime::begin_background_thread("messages");
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    is_woken_ = false;
    lock.unlock();
    const Result<std::size_t> released = planner_.release(effects_, wall_.now());
    const Result<std::optional<cep::EventTime>> next = planner_.next_due();
    if (!released || !next) {
      failed_(released ? next.error() : released.error());
      return;
    }
    released_();
    lock.lock();
    if (is_stopping_ || is_woken_) continue;
    if (!*next) {
      changed_.wait(lock);
      continue;
    }
    const std::chrono::microseconds left((**next - wall_.now()).us);
    clock_.wait_until(lock, changed_,
                      clock_.now() + std::clamp(left, std::chrono::microseconds(0), kWaitMax));
  }
}
}  // namespace tocsin::api
