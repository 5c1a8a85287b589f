#include "api/outbox/audit_export.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "cep/value/time.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/background_thread.h"
#include "runtime/io/clock.h"
#include "runtime/io/cores.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kAtOnce = 200;
constexpr std::int64_t kRetryFirstMs = 250;
constexpr std::int64_t kRetryMostMs = 30'000;
constexpr const char* kSentKey = "x";

struct Address {
  sockaddr_storage bytes{};
  socklen_t length = 0;
};
Address address_of(const SyslogTarget& target) {
  Address address;
  if (!target.path.empty()) {
    auto& unix_address = reinterpret_cast<sockaddr_un&>(address.bytes);
    unix_address.sun_family = AF_UNIX;
    std::ranges::copy(target.path, unix_address.sun_path);
    address.length = sizeof unix_address;
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.bytes);
  if (inet_pton(AF_INET6, target.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(target.port);
    address.length = sizeof v6;
    return address;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.bytes);
  inet_pton(AF_INET, target.host.c_str(), &v4.sin_addr);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(target.port);
  address.length = sizeof v4;
  return address;
}
}  // namespace

Result<SyslogTarget> parse_syslog_target(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kUdp = "udp:";
  SyslogTarget target;
  if (text.starts_with(kUnix)) {
    target.path = text.substr(kUnix.size());
    if (target.path.starts_with('/') && target.path.size() < sizeof(sockaddr_un::sun_path))
      return target;
  } else if (text.starts_with(kUdp)) {
    std::string_view rest = text.substr(kUdp.size());
    const std::size_t colon = rest.rfind(':');
    std::string host(rest.substr(0, colon == std::string_view::npos ? 0 : colon));
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), target.port);
    std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
    const bool is_port = parsed.ec == std::errc{} && parsed.ptr == rest.data() + rest.size();
    if (is_port && target.port != 0 &&
        inet_pton(is_bracketed ? AF_INET6 : AF_INET, host.c_str(), bytes.data()) == 1) {
      target.host = std::move(host);
      return target;
    }
  }
  return fail(Errc::kInvalidArgument,
              fmt::format("audit.syslog takes unix:/PATH of a socket, such as unix:/dev/log, or "
                          "udp:HOST:PORT with a numeric host, such as udp:10.0.0.1:514, not {}",
                          text));
}

std::string syslog_message(std::string_view line, std::string_view at, std::string_view host,
                           std::int64_t process) {
  constexpr int kAuthPrivate = 10;
  constexpr int kInfo = 6;
  return fmt::format("<{}>1 {} {} tocsin {} audit - {}", kAuthPrivate * 8 + kInfo, at, host,
                     process, line);
}

std::unique_ptr<AuditExport> AuditExport::start(runtime::Store& store, const AuditLog& log,
                                                SyslogTarget target,
                                                std::function<void(const std::string&)> say) {
  std::unique_ptr<AuditExport> made(new AuditExport(store, log, std::move(target), std::move(say)));
  made->thread_ = std::thread([self = made.get()] {
    runtime::begin_background_thread("audit-export");
    self->run();
  });
  return made;
}

AuditExport::~AuditExport() {
  {
    const std::lock_guard lock(mutex_);
    must_end_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (socket_ >= 0) ::close(socket_);
}

void AuditExport::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  changed_.notify_all();
}

// False where it ends.
bool AuditExport::wait(std::int64_t milliseconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return must_end_; });
  return !must_end_;
}

void AuditExport::run() {
  const Result<std::optional<std::string>> sent = store_.get(runtime::kAuditFamily, kSentKey);
  if (sent && *sent && (*sent)->size() == sizeof(std::uint64_t))
    sent_ = runtime::read_key_u64(**sent);
  std::int64_t pause = kRetryFirstMs;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return must_end_ || is_woken_; });
      if (must_end_) return;
      is_woken_ = false;
    }
    while (!send_batch()) {
      if (!wait(pause)) return;
      pause = std::min(pause * 2, kRetryMostMs);
    }
    pause = kRetryFirstMs;
  }
}

bool AuditExport::send_batch() {
  static const std::string kHost = runtime::host_name();
  for (;;) {
    const Result<AuditTail> tail = log_.tail(sent_, kAtOnce);
    if (!tail) {
      failed(tail.error().message);
      return false;
    }
    if (tail->lines.empty()) return true;
    const std::uint64_t first = tail->last - tail->lines.size() + 1;
    if (first > sent_ + 1) {
      say_(
          fmt::format("entries {} to {} of the audit log were removed before they were sent to "
                      "syslog",
                      sent_ + 1, first - 1));
      sent_ = first - 1;
    }
    bool is_all = true;
    for (const std::string& line : tail->lines) {
      const std::string at = cep::format_time(runtime::SystemClock().now());
      is_all = send(syslog_message(line, at, kHost, ::getpid()));
      if (!is_all) break;
      ++sent_;
    }
    std::string value;
    runtime::append_key_u64(value, sent_);
    runtime::StoreBatch batch;
    batch.put(runtime::kAuditFamily, kSentKey, value);
    // What cannot be noted is sent again after a start.
    static_cast<void>(store_.write(batch, false));
    if (!is_all) return false;
    const std::lock_guard lock(mutex_);
    if (must_end_) return true;
  }
}

bool AuditExport::connect() {
  if (socket_ >= 0) return true;
  const Address address = address_of(target_);
  socket_ = ::socket(address.bytes.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{1, 0};
  const bool is_open =
      socket_ >= 0 &&
      ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&address.bytes), address.length) == 0;
  return is_open;
}

bool AuditExport::send(std::string_view message) {
  ssize_t sent = -1;
  if (connect()) {
    do {
      sent = ::send(socket_, message.data(), message.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
  }
  // It would stop everything behind it for ever.
  if (sent < 0 && errno == EMSGSIZE) {
    say_(
        fmt::format("an entry of the audit log is too long for syslog and was not sent there: "
                    "{} bytes",
                    message.size()));
    return true;
  }
  if (sent < 0) {
    failed(std::strerror(errno));
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    return false;
  }
  if (is_failing_) say_("the audit log is sent to syslog again");
  is_failing_ = false;
  return true;
}

void AuditExport::failed(std::string_view why) {
  if (!is_failing_) say_(fmt::format("the audit log cannot be sent to syslog, and waits: {}", why));
  is_failing_ = true;
}
}  // namespace tocsin::api
