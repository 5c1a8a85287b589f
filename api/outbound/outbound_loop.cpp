#include "api/outbound/outbound_loop.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::chrono::milliseconds kSweep{50};
// As many as there may be attempts of webhooks at once by default, and some.
constexpr std::size_t kLookUpThreadsMax = 128;
constexpr std::size_t kLookUpsWaitingMax = 4096;

Result<OutboundLoop::Addresses> addresses_of(const std::string& host, const std::string& port,
                                             int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (failure == 0) return OutboundLoop::Addresses(list);
  if (failure == EAI_SYSTEM) {
    return fail(Errc::kIo, "host look-up failed: " + std::generic_category().message(errno));
  }
  return fail(Errc::kIo, fmt::format("host look-up failed: {}", gai_strerror(failure)));
}
}  // namespace

void OutboundLoop::Free::operator()(addrinfo* list) const { freeaddrinfo(list); }

OutboundLoop::OutboundLoop()
    : loop_(kSweep, "http-out"),
      look_ups_(
          {.threads_max = kLookUpThreadsMax, .queue_max = kLookUpsWaitingMax, .name = "look-up"}) {
  loop_.start();
}

OutboundLoop& OutboundLoop::of_process() {
  static OutboundLoop* const kLoop = new OutboundLoop;  // NOLINT(*-owning-memory): never destroyed
  return *kLoop;
}

void OutboundLoop::look_up(const std::string& host, int port, Found found) {
  const std::string service = std::to_string(port);
  if (Result<Addresses> numeric = addresses_of(host, service, AI_NUMERICHOST)) {
    loop_.post([found = std::move(found), numeric = std::move(numeric)]() mutable {
      found(std::move(numeric));
    });
    return;
  }
  const bool is_taken = look_ups_.submit([this, host, service, found](bool is_dropped) {
    Result<Addresses> addresses = fail(Errc::kStopped, "given up");
    if (!is_dropped) addresses = addresses_of(host, service, 0);
    loop_.post(
        [found, addresses = std::move(addresses)]() mutable { found(std::move(addresses)); });
  });
  if (!is_taken) {
    loop_.post([found = std::move(found)] {
      found(fail(Errc::kLimit, "host look-up failed: too many others are under way"));
    });
  }
}
}  // namespace tocsin::api
