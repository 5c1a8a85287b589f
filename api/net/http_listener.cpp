#include "api/net/http_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "api/net/http_answer.h"
#include "api/net/http_session.h"

namespace tocsin::api {
namespace {
constexpr int kBacklog = 1024;
constexpr int kAcceptsAtOnce = 64;
// Room that is being made counts as made: so many more may be open until it is. Then those that
// come wait for a moment.
constexpr std::size_t kOvershootMax = 64;
constexpr std::chrono::milliseconds kMoment{1};
constexpr std::chrono::milliseconds kPause{100};

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};
int open_spare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
tl::unexpected<Error> cannot_listen(const std::string& host, std::uint16_t port) {
  const int error = errno;
  const bool is_v6 = host.find(':') != std::string::npos;
  return fail(Errc::kIo, fmt::format("cannot listen on {}:{}: {}", is_v6 ? "[" + host + "]" : host,
                                     port, std::strerror(error)));
}
}  // namespace

Result<ListeningSocket> open_listening_socket(const std::string& host, std::uint16_t port) {
  Address address{};
  socklen_t size = sizeof address.v4;
  if (::inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
  } else if (::inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) == 1) {
    size = sizeof address.v6;
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
  } else {
    errno = EINVAL;
    return cannot_listen(host, port);
  }
  const int socket = ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return cannot_listen(host, port);
  // Not SO_REUSEPORT: with that two servers may share a port without either knowing.
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket, &address.any, size) != 0 || ::listen(socket, kBacklog) != 0 ||
      ::getsockname(socket, &address.any, &size) != 0) {
    auto failed = cannot_listen(host, port);
    ::close(socket);
    return failed;
  }
  const bool is_v6 = address.any.sa_family == AF_INET6;
  return ListeningSocket{socket, ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port)};
}

HttpListener::HttpListener(std::vector<std::unique_ptr<HttpLoop>>& loops, HttpFront& front,
                           int socket)
    : loops_(loops),
      front_(front),
      socket_(loops.front()->context(), socket),
      timer_(loops.front()->context()),
      spare_(open_spare()) {}
HttpListener::~HttpListener() {
  if (spare_ >= 0) ::close(spare_);
}

void HttpListener::start() {
  loops_.front()->post([this] { wait(); });
}

void HttpListener::stop() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

void HttpListener::wait() {
  if (!socket_.is_open()) return;
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (!error) accept_all();
                     });
}

void HttpListener::accept_all() {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    if (front_.open - front_.reserve >= front_.options.limits.connections_max + kOvershootMax &&
        longest_waiting().waiting_since() != INT64_MAX) {
      return pause(kMoment);
    }
    Address address{};
    socklen_t size = sizeof address;
    const int socket =
        ::accept4(socket_.native_handle(), &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      place(socket, IpAddress::of(address.any).value_or(IpAddress({})));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return give_up_spare();
    }
    // One connection that has gone already, or a fault of the network: the next may be better.
  }
  wait();
}

void HttpListener::place(int socket, const IpAddress& peer) {
  const HttpServerLimits& limits = front_.options.limits;
  const std::size_t open = front_.open - front_.reserve;
  if (open < limits.connections_max ||
      (open < limits.connections_max + kOvershootMax && make_room())) {
    return begin_session(socket, peer, false);
  }
  if (front_.reserve < limits.reserve_max) return begin_session(socket, peer, true);
  refuse(socket);
}

void HttpListener::begin_session(int socket, const IpAddress& peer, bool is_reserve) {
  ++front_.open;
  if (is_reserve) ++front_.reserve;
  HttpLoop& loop = *loops_[next_loop_++ % loops_.size()];
  loop.post([this, &loop, socket, peer, is_reserve]() mutable {
    std::shared_ptr<HttpSession> session;
    try {
      session = std::make_shared<HttpSession>(loop, front_, socket, peer, is_reserve);
    } catch (const std::exception&) {
      // The system watches no more sockets, or has no memory: this client is turned away.
      ::close(socket);
      ++front_.refused;
      if (is_reserve) --front_.reserve;
      --front_.open;
      return;
    }
    session->start();
  });
}

// The loop with the connection that has waited longest.
HttpLoop& HttpListener::longest_waiting() {
  return **std::ranges::min_element(
      loops_, {}, [](const std::unique_ptr<HttpLoop>& loop) { return loop->waiting_since(); });
}

// Ends that connection; false where none waits.
bool HttpListener::make_room() {
  HttpLoop& loop = longest_waiting();
  if (loop.waiting_since() == INT64_MAX) return false;
  loop.post([&loop] { loop.make_room(); });
  return true;
}

void HttpListener::refuse(int socket) const {
  ++front_.refused;
  const HttpResponse response =
      front_.options.fault_answer({503, fmt::format("there are {} connections already",
                                                    front_.options.limits.connections_max)});
  const std::string bytes = format_answer_head(response, {}) + response.body;
  static_cast<void>(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  ::close(socket);
}

// The process has no descriptor left. With the spare one the next connection is taken and closed,
// so that its client need not wait; then there is a pause, in which others end.
void HttpListener::give_up_spare() {
  if (spare_ >= 0) {
    ::close(spare_);
    const int socket = ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (socket >= 0) {
      ++front_.refused;
      ::close(socket);
    }
    spare_ = open_spare();
  }
  make_room();
  pause(kPause);
}

void HttpListener::pause(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) wait();
  });
}
}  // namespace tocsin::api
