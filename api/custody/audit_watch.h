/// Goes through the audit log of a running server again and again, in the background: a change of
/// an entry that lies behind others is not seen by a start, which looks at the end alone.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "api/secrets/secret_keys.h"
#include "cep/value/time.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// Threading: any; a thread of its own, of lower priority.
class AuditWatch {
 public:
  /// Begins at once, and again after `every`. The store must outlive it. `found` is told, in its
  /// thread, when the first finding is another one than before; empty: the log is good again.
  AuditWatch(const runtime::StoreReader& store, SecretKeys keys, cep::Duration every,
             std::function<void(const std::string& finding)> found);
  AuditWatch(const AuditWatch&) = delete;
  AuditWatch& operator=(const AuditWatch&) = delete;
  /// Ends a pass that is under way.
  ~AuditWatch();
  /// The first finding that nobody accepted, of the last time; empty: there was none.
  std::string finding() const;

 private:
  void watch();

  const runtime::StoreReader& store_;
  const SecretKeys keys_;
  const cep::Duration every_;
  const std::function<void(const std::string&)> found_;
  std::atomic<bool> is_stopping_ = false;  // set with mutex_
  mutable std::mutex mutex_;               // of all below
  std::condition_variable changed_;
  std::string finding_;
  std::thread thread_;
};
}  // namespace tocsin::api
