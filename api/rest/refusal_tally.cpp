#include "api/rest/refusal_tally.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
constexpr const char* kOthers = "others";
constexpr std::chrono::milliseconds kLook{1000};  // how often intervals are looked at
constexpr std::size_t kNetworkBytes = 8;

// Requests without a token are of one kind; those of a token are by what it may not do.
std::string key_of(const AuditDeed& deed, int status) {
  const std::string what = deed.actor.empty() ? std::string() : deed.actor + '\n' + deed.action;
  return RefusalTally::sender_of(deed.from) + '\n' + std::to_string(status) + '\n' + what;
}
}  // namespace

RefusalTally::~RefusalTally() { stop(); }

std::string RefusalTally::sender_of(const std::string& address) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return address;
  std::fill(bytes.begin() + kNetworkBytes, bytes.end(), 0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size()) == nullptr) return address;
  return std::string(text.data()) + "/64";
}

void RefusalTally::start() {
  thread_ = std::thread([this] {
    runtime::begin_background_thread("audit-refusals");
    run();
  });
}

void RefusalTally::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ends_, true)) return;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  step(true);
}

void RefusalTally::note(const AuditDeed& deed, int status) {
  const cep::EventTime now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    if (ends_) return;
    ++total_;
    std::string key = key_of(deed, status);
    auto place = senders_.find(key);
    if (place == senders_.end() && senders_.size() >= limits_.senders_max) key = kOthers;
    if (place == senders_.end()) place = senders_.find(key);
    if (place == senders_.end()) {
      Sender& sender = senders_[key];
      sender.began = now;
      sender.since = now;
      sender.status = status;
      if (key == kOthers) {
        sender.deed.from = kOthers;
        sender.is_written = true;  // there is no first of many
        sender.count = 1;
        return;
      }
      sender.deed = deed;
      has_news_ = true;
    } else {
      if (place->second.count++ == 0) place->second.since = now;
      return;
    }
  }
  changed_.notify_all();
}

std::vector<RefusalTally::Due> RefusalTally::take_due(bool is_last) {
  const cep::EventTime now = clock_.now();
  std::vector<Due> due;
  const std::lock_guard lock(mutex_);
  has_news_ = false;
  for (auto place = senders_.begin(); place != senders_.end();) {
    Sender& sender = place->second;
    if (!std::exchange(sender.is_written, true)) {
      due.push_back({sender.deed, sender.status, 1, sender.began});
    }
    // A clock that was put back must not make an interval endless.
    const bool is_over = now >= sender.began + limits_.every || now < sender.began;
    if (!is_over && !is_last) {
      ++place;
      continue;
    }
    if (sender.count > 0) due.push_back({sender.deed, sender.status, sender.count, sender.since});
    // Who goes on is not written at once again: a flood has one entry an interval.
    if (sender.count > 0 && !is_last) {
      sender.began = now;
      sender.count = 0;
      ++place;
    } else {
      place = senders_.erase(place);
    }
  }
  return due;
}

void RefusalTally::step(bool is_last) {
  // Where the log fails the server's changes fail too, and say so.
  for (const Due& one : take_due(is_last)) {
    static_cast<void>(log_.refuse(one.deed, one.status, one.count, one.since));
  }
}

std::uint64_t RefusalTally::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

void RefusalTally::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLook, [&] { return has_news_ || ends_; });
      if (ends_) return;
    }
    step();
  }
}
}  // namespace tocsin::api
