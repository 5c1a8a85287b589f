/// Requests that are refused for want of a token or role, on their way to the audit log.
///
/// A flood of them must neither keep threads busy with the log's disk nor fill the log. So the
/// first of a sender is written at once, by a thread of its own; those that follow are counted, and
/// when the interval is over one entry says how many. Nothing is left out of the counts: senders
/// beyond so many share one. A process that dies takes with it what is counted and not written.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/rest/audit_log.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
struct RefusalLimits {
  cep::Duration every{600'000'000};  // of one sender: an entry at once, and one when this is over
  std::size_t senders_max = 100;     // counted apart
};
/// Threading: any.
class RefusalTally {
 public:
  /// The log and the clock outlive it.
  RefusalTally(AuditLog& log, runtime::Clock& clock, const RefusalLimits& limits)
      : log_(log), clock_(clock), limits_(limits) {}
  /// As stop().
  ~RefusalTally();
  RefusalTally(const RefusalTally&) = delete;
  RefusalTally& operator=(const RefusalTally&) = delete;
  /// Begins to write, in a thread. Without it step() does.
  void start();
  /// Writes what is counted; from now on nothing is.
  void stop();
  /// Somebody was refused. Waits for nothing.
  void note(const AuditDeed& deed, int status);
  /// Writes what is due, or everything.
  void step(bool is_last = false);
  /// How many were refused.
  std::uint64_t total() const;

  /// Who counts as one sender: an address of IPv4, a network of 64 bits of IPv6, in which each
  /// client has as many addresses as it likes.
  static std::string sender_of(const std::string& address);

 private:
  struct Sender {
    AuditDeed deed;  // the first one's
    int status = 0;
    cep::EventTime began;     // of its interval
    cep::EventTime since;     // the first that is counted
    bool is_written = false;  // the first one
    std::uint64_t count = 0;  // that followed it
  };
  struct Due {
    AuditDeed deed;
    int status = 0;
    std::uint64_t count = 1;
    cep::EventTime since;
  };
  std::vector<Due> take_due(bool is_last);
  void run();

  AuditLog& log_;
  runtime::Clock& clock_;
  const RefusalLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Sender> senders_;
  std::uint64_t total_ = 0;
  bool has_news_ = false;
  bool ends_ = false;
  std::thread thread_;
};
}  // namespace tocsin::api
