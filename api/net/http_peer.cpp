#include "api/net/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
using Moment = HttpPeer::Moment;
constexpr std::chrono::milliseconds kStopGrace{1000};

enum class Wait : std::uint8_t { kReady, kTimeOut, kStopped };
Wait wait_for(int socket, short events, Moment by, const StopSwitch& stop) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(by - steady_clock::now());
    std::array<pollfd, 2> waited = {{{socket, events, 0}, {stop.descriptor(), POLLIN, 0}}};
    const auto time_out = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    const int ready = ::poll(waited.data(), waited.size(), time_out);
    if (ready < 0 && errno == EINTR) continue;
    if (waited[1].revents != 0) return Wait::kStopped;
    if (waited[0].revents != 0) return Wait::kReady;
    if (left.count() <= 60'000) return Wait::kTimeOut;
  }
}
}  // namespace

HttpPeer::HttpPeer(int socket, const StopSwitch& stop) : socket_(socket), stop_(stop) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    const void* const bytes =
        address.ss_family == AF_INET6
            ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr)
            : static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr);
    if (::inet_ntop(address.ss_family, bytes, text.data(), text.size()) != nullptr) {
      remote_ = text.data();
    }
  }
}

HttpPeer::~HttpPeer() {
  // What was sent and not read would make the system throw away the answer: it is read for a
  // moment.
  ::shutdown(socket_, SHUT_WR);
  const Moment by = steady_clock::now() + std::chrono::milliseconds(500);
  std::array<char, 4096> passed_over{};
  for (int i = 0; i < 64 && wait_for(socket_, POLLIN, by, stop_) == Wait::kReady; ++i) {
    if (::recv(socket_, passed_over.data(), passed_over.size(), MSG_DONTWAIT) <= 0) break;
  }
  ::close(socket_);
}

bool HttpPeer::wait_for_bytes(Moment by) const {
  return wait_for(socket_, POLLIN, by, stop_) == Wait::kReady;
}

std::size_t HttpPeer::receive(char* to, std::size_t capacity, Moment by) {
  if (wait_for(socket_, POLLIN, by, stop_) != Wait::kReady) return 0;
  for (;;) {
    const ssize_t count = ::recv(socket_, to, capacity, 0);
    if (count < 0 && errno == EINTR) continue;
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
}

bool HttpPeer::send(std::string_view bytes, Moment by, bool is_stream) {
  while (!bytes.empty()) {
    Wait waited = wait_for(socket_, POLLOUT, by, stop_);
    if (waited == Wait::kStopped && !is_stream) {
      pollfd socket{socket_, POLLOUT, 0};
      const bool is_ready = ::poll(&socket, 1, static_cast<int>(kStopGrace.count())) > 0;
      waited = is_ready ? Wait::kReady : Wait::kTimeOut;
    }
    if (waited != Wait::kReady) return false;
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}
}  // namespace tocsin::api
