#include "api/custody/audit_watch.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include "api/rest/audit_verify.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
AuditWatch::AuditWatch(const runtime::StoreReader& store, SecretKeys keys, cep::Duration every,
                       std::function<void(const std::string&)> found)
    : store_(store), keys_(std::move(keys)), every_(every), found_(std::move(found)) {
  thread_ = std::thread([this] { watch(); });
}

AuditWatch::~AuditWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::string AuditWatch::finding() const {
  const std::lock_guard lock(mutex_);
  return finding_;
}

void AuditWatch::watch() {
  runtime::begin_background_thread("audit-watch");
  runtime::lower_priority_of_thread();
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    const Result<std::uint64_t> checked =
        check_growing_audit(store_, keys_, [this] { return !is_stopping_; });
    const std::string finding = checked ? "" : checked.error().message;
    lock.lock();
    if (is_stopping_) return;
    if (finding != finding_) {
      finding_ = finding;
      lock.unlock();
      found_(finding);
      lock.lock();
    }
    changed_.wait_for(lock, std::chrono::microseconds(every_.us),
                      [this] { return is_stopping_.load(); });
  }
}
}  // namespace tocsin::api
