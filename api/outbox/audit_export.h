/// Sends the audit log to syslog as it grows: each entry is one message of RFC 5424, facility
/// authpriv, severity info, whose text is the entry as it was written.
///
///   family `audit`, 'x'   u64 sequence up to which entries were sent
///
/// An entry is sent at least once: where the server ends between sending and noting, again at the
/// next start. What the network loses is lost there; the log itself has it.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "api/rest/audit_log.h"
#include "cep/base/result.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// Where syslog listens, for datagrams.
struct SyslogTarget {
  std::string path;  // of a socket; empty: the address
  std::string host;  // numeric
  std::uint16_t port = 0;
};
/// "unix:/dev/log", "udp:10.0.0.1:514", "udp:[::1]:514". Errors: kInvalidArgument.
Result<SyslogTarget> parse_syslog_target(std::string_view text);
/// The message of an entry.
std::string syslog_message(std::string_view line, std::string_view at, std::string_view host,
                           std::int64_t process);

/// Threading: a thread of its own; wake() from any.
class AuditExport {
 public:
  /// Sends what was not sent before, then what comes: call wake() after each entry. Store and log
  /// must outlive it. `say` is told, in its thread, when sending fails, when it works again, and of
  /// entries that retention removed before they were sent.
  static std::unique_ptr<AuditExport> start(runtime::Store& store, const AuditLog& log,
                                            SyslogTarget target,
                                            std::function<void(const std::string&)> say);
  /// Ends it; what was not sent is sent at the next start.
  ~AuditExport();
  AuditExport(const AuditExport&) = delete;
  AuditExport& operator=(const AuditExport&) = delete;
  void wake();

 private:
  AuditExport(runtime::Store& store, const AuditLog& log, SyslogTarget target,
              std::function<void(const std::string&)> say)
      : store_(store), log_(log), target_(std::move(target)), say_(std::move(say)) {}
  void run();
  // False where nothing more can be sent for now.
  bool send_batch();
  bool send(std::string_view message);
  bool connect();
  void failed(std::string_view why);
  bool wait(std::int64_t milliseconds);

  runtime::Store& store_;
  const AuditLog& log_;
  const SyslogTarget target_;
  const std::function<void(const std::string&)> say_;
  std::uint64_t sent_ = 0;
  int socket_ = -1;
  bool is_failing_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_woken_ = true;
  bool must_end_ = false;
  std::thread thread_;
};
}  // namespace tocsin::api
