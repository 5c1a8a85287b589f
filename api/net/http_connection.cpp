#include "api/net/http_connection.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "api/net/address_policy.h"
#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

std::string system_message(int error_number) {
  return std::generic_category().message(error_number);
}

struct TlsContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct TlsSessionFree {
  void operator()(SSL* session) const { SSL_free(session); }
};
struct AddressListFree {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using TlsSession = std::unique_ptr<SSL, TlsSessionFree>;
using AddressList = std::unique_ptr<addrinfo, AddressListFree>;

/// Owns a socket.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Waits until `descriptor` is ready for `events`. `late` is the message when the deadline passes
// first.
Result<void> wait_ready(int descriptor, short events, Deadline by, const StopSwitch& stop,
                        const char* late) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(by - steady_clock::now());
    if (left.count() <= 0) return fail(Errc::kIo, late);
    pollfd waited[2] = {{descriptor, events, 0}, {stop.descriptor(), POLLIN, 0}};
    const int timeout_ms = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    const int ready = ::poll(waited, 2, timeout_ms);
    if (ready < 0 && errno != EINTR) return fail(Errc::kIo, system_message(errno));
    if (ready > 0 && waited[1].revents != 0) return fail(Errc::kStopped, "given up");
    if (ready > 0 && waited[0].revents != 0) return {};
  }
}

Result<AddressList> look_up(const WebhookUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failure =
      getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &list);
  if (failure == EAI_SYSTEM)
    return fail(Errc::kIo, "host look-up failed: " + system_message(errno));
  if (failure != 0)
    return fail(Errc::kIo, fmt::format("host look-up failed: {}", gai_strerror(failure)));
  return AddressList(list);
}

Result<Socket> connect_to(const addrinfo& address, Deadline by, const StopSwitch& stop) {
  Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return fail(Errc::kIo, system_message(errno));
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS && errno != EINTR) return fail(Errc::kIo, system_message(errno));
  if (Result<void> ready = wait_ready(socket.get(), POLLOUT, by, stop, "no connection in time");
      !ready)
    return tl::unexpected(ready.error());
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number != 0) return fail(Errc::kIo, system_message(error_number));
  return socket;
}

Result<Socket> connect_to_any(const addrinfo* list, Deadline by, const StopSwitch& stop,
                              const AddressPolicy* addresses) {
  int addresses_left = 0;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) ++addresses_left;
  Result<Socket> socket = fail(Errc::kIo, "the host has no address");
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next, --addresses_left) {
    if (addresses != nullptr) {
      if (Result<void> allowed = addresses->check(*one->ai_addr); !allowed) {
        socket = tl::unexpected(allowed.error());
        continue;
      }
    }
    // A dead first address must not use up the time of a live second one.
    const auto share = (by - steady_clock::now()) / addresses_left;
    socket = connect_to(*one, steady_clock::now() + share, stop);
    if (socket || stop.is_set()) break;
  }
  return socket;
}

// The oldest entry of OpenSSL's error queue, which is emptied.
std::string tls_message() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection was closed" : reason;
}
}  // namespace

StopSwitch::StopSwitch() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TOCSIN_ASSERT(descriptor_ >= 0, "the process may open a few descriptors");
}
StopSwitch::~StopSwitch() { ::close(descriptor_); }
void StopSwitch::set() {
  const std::uint64_t one = 1;
  // Only a full counter fails, and a full counter is readable too.
  [[maybe_unused]] const ssize_t written = ::write(descriptor_, &one, sizeof one);
}
bool StopSwitch::is_set() const {
  pollfd waited{descriptor_, POLLIN, 0};
  return ::poll(&waited, 1, 0) == 1;
}

struct TlsTrust::Impl {
  std::unique_ptr<SSL_CTX, TlsContextFree> context;
};

TlsTrust::TlsTrust(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsTrust::~TlsTrust() = default;

Result<std::unique_ptr<TlsTrust>> TlsTrust::system() {
  auto impl = std::make_unique<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = impl->context.get();
  if (context == nullptr) return fail(Errc::kInternal, "TLS cannot be set up: " + tls_message());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_set_default_verify_paths(context) != 1)
    return fail(Errc::kIo, "the system's certificate authorities cannot be read: " + tls_message());
  return std::unique_ptr<TlsTrust>(new TlsTrust(std::move(impl)));
}

struct HttpConnection::Impl {
  Impl(Socket socket_in, const StopSwitch& stop_in) : socket(std::move(socket_in)), stop(stop_in) {}

  // Repeats a TLS operation until it is done. Gives its count; 0: the peer closed in order.
  template <typename Operation>
  Result<std::size_t> run_tls(Operation operation, Deadline by, const char* late) {
    while (true) {
      ERR_clear_error();
      const int outcome = operation();
      if (outcome > 0) return static_cast<std::size_t>(outcome);
      const int error = SSL_get_error(tls.get(), outcome);
      if (error == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        tls_is_broken = true;
        const int error_number = errno;
        if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0 && error_number != 0)
          return fail(Errc::kIo, system_message(error_number));
        return fail(Errc::kIo, tls_message());
      }
      const short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      if (Result<void> ready = wait_ready(socket.get(), events, by, stop, late); !ready)
        return tl::unexpected(ready.error());
    }
  }

  Result<void> begin_tls(const WebhookUrl& url, const TlsTrust& trust, Deadline by) {
    tls.reset(SSL_new(trust.impl().context.get()));
    SSL* const session = tls.get();
    if (session == nullptr || SSL_set_fd(session, socket.get()) != 1)
      return fail(Errc::kInternal, "TLS cannot be set up: " + tls_message());
    in6_addr numeric;
    const bool is_numeric = ::inet_pton(AF_INET, url.host.c_str(), &numeric) == 1 ||
                            ::inet_pton(AF_INET6, url.host.c_str(), &numeric) == 1;
    if (is_numeric) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), url.host.c_str());
    } else {
      SSL_set_tlsext_host_name(session, url.host.c_str());
      SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(session, url.host.c_str());
    }
    const Result<std::size_t> done =
        run_tls([&] { return SSL_connect(session); }, by, "no TLS handshake in time");
    if (done && *done > 0) return {};
    const long verdict = SSL_get_verify_result(session);
    if (verdict != X509_V_OK) {
      return fail(Errc::kDenied, fmt::format("its certificate is not valid: {}",
                                             X509_verify_cert_error_string(verdict)));
    }
    const std::string reason = done ? "the connection was closed" : done.error().message;
    return fail(done ? Errc::kIo : done.error().code, "TLS handshake failed: " + reason);
  }

  Socket socket;
  const StopSwitch& stop;
  TlsSession tls;
  bool tls_is_broken = false;
};

HttpConnection::HttpConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpConnection::~HttpConnection() {
  // One try to say goodbye; nobody waits for the answer.
  if (impl_->tls && !impl_->tls_is_broken) SSL_shutdown(impl_->tls.get());
}

Result<std::unique_ptr<HttpConnection>> HttpConnection::open(const WebhookUrl& url,
                                                             const TlsTrust* trust,
                                                             Deadline connect_by, Deadline done_by,
                                                             const StopSwitch& stop,
                                                             const AddressPolicy* addresses) {
  TOCSIN_ASSERT(!url.tls || trust != nullptr, "a client of https URLs has a trust store");
  if (stop.is_set()) return fail(Errc::kStopped, "given up");
  Result<AddressList> found = look_up(url);
  if (!found) return tl::unexpected(found.error());
  Result<Socket> socket = connect_to_any(found->get(), connect_by, stop, addresses);
  if (!socket) return tl::unexpected(socket.error());
  auto impl = std::make_unique<Impl>(std::move(*socket), stop);
  if (url.tls) {
    if (Result<void> begun = impl->begin_tls(url, *trust, done_by); !begun)
      return tl::unexpected(begun.error());
  }
  return std::unique_ptr<HttpConnection>(new HttpConnection(std::move(impl)));
}

Result<void> HttpConnection::send(std::string_view bytes, Deadline by) {
  constexpr const char* kLate = "the request could not be sent in time";
  while (!bytes.empty()) {
    if (impl_->tls) {
      const std::size_t size = std::min<std::size_t>(bytes.size(), 1 << 20);
      const Result<std::size_t> written = impl_->run_tls(
          [&] { return SSL_write(impl_->tls.get(), bytes.data(), static_cast<int>(size)); }, by,
          kLate);
      if (!written) return tl::unexpected(written.error());
      if (*written == 0) return fail(Errc::kIo, "the connection was closed");
      bytes.remove_prefix(*written);
      continue;
    }
    const ssize_t written = ::send(impl_->socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (Result<void> ready = wait_ready(impl_->socket.get(), POLLOUT, by, impl_->stop, kLate);
          !ready)
        return ready;
    } else if (errno != EINTR) {
      return fail(Errc::kIo, system_message(errno));
    }
  }
  return {};
}

Result<std::size_t> HttpConnection::receive(std::span<char> into, Deadline by) {
  constexpr const char* kLate = "no answer in time";
  if (impl_->tls) {
    const int size = static_cast<int>(std::min<std::size_t>(into.size(), 1 << 20));
    return impl_->run_tls([&] { return SSL_read(impl_->tls.get(), into.data(), size); }, by, kLate);
  }
  while (true) {
    // The deadline is asked first: a peer that always has one more byte must not outlive it.
    if (Result<void> ready = wait_ready(impl_->socket.get(), POLLIN, by, impl_->stop, kLate);
        !ready)
      return tl::unexpected(ready.error());
    const ssize_t count = ::recv(impl_->socket.get(), into.data(), into.size(), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
      return fail(Errc::kIo, system_message(errno));
  }
}

bool HttpConnection::is_quiet() const {
  pollfd waited{impl_->socket.get(), POLLIN, 0};
  return ::poll(&waited, 1, 0) == 0 && (!impl_->tls || SSL_pending(impl_->tls.get()) == 0);
}
}  // namespace tocsin::api
