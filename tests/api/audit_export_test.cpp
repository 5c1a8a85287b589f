// The audit log sent to syslog: what cannot be sent at all must not keep back what follows it.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "api/outbox/audit_export.h"
#include "api/rest/audit_log.h"
#include "runtime/effects/effect_reader.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/model_store.h"

namespace tocsin::api {
namespace {
// Receives datagrams on a port of its own.
class Receiver {
 public:
  Receiver() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    const timeval patience{30, 0};
    REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Receiver() { ::close(socket_); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  std::uint16_t port() const { return port_; }
  std::string next() const {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    return count < 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(count));
  }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};
}  // namespace

TEST_CASE("audit export: an entry that no datagram can hold is named, and the next ones are sent") {
  tests::ModelDisk disk;
  tests::SharedClock clock;
  const auto store = *disk.open(runtime::effect_families());
  auto log = AuditLog::open(*store, clock, {});
  REQUIRE(log);
  const auto change = [&](const std::string& action) {
    const AuditDeed deed{.actor = "ann", .action = action};
    const Result<std::uint64_t> ticket = (*log)->begin(deed);
    REQUIRE(ticket);
    REQUIRE((*log)->finish(*ticket, deed, {200, {}}));
  };
  change("first");
  change(std::string(70'000, 'x'));
  change("last");
  const Receiver receiver;
  std::mutex mutex;
  std::vector<std::string> told;
  {
    const auto sender = AuditExport::start(*store, **log, {"", "127.0.0.1", receiver.port()},
                                           [&](const std::string& text) {
                                             const std::lock_guard lock(mutex);
                                             told.push_back(text);
                                           });
    CHECK(receiver.next().find(R"("action":"first")") != std::string::npos);
    CHECK(receiver.next().find(R"("action":"last")") != std::string::npos);
  }
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("an entry of the audit log is too long for syslog"));
}
}  // namespace tocsin::api
