#include "api/alerts/alert_feed.h"

namespace tocsin::api {
void AlertFeed::notify() {
  {
    const std::lock_guard lock(mutex_);
    ++notified_;
  }
  changed_.notify_all();
}

void AlertFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
}

std::uint64_t AlertFeed::notified() const {
  const std::lock_guard lock(mutex_);
  return notified_;
}

bool AlertFeed::wait(std::uint64_t seen, std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [&] { return notified_ > seen || is_stopped_; });
  return !is_stopped_;
}

std::shared_ptr<void> AlertFeed::follow() {
  const std::lock_guard lock(mutex_);
  if (followers_ >= options_.followers_max) return nullptr;
  ++followers_;
  return {this, [this](void*) {
            const std::lock_guard own_lock(mutex_);
            --followers_;
          }};
}

std::size_t AlertFeed::followers() const {
  const std::lock_guard lock(mutex_);
  return followers_;
}
}  // namespace tocsin::api
