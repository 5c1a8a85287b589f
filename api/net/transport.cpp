#include "api/net/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tocsin::api {
namespace {
constexpr std::size_t kPiecesAtOnce = 16;
constexpr std::size_t kRecordBytes = std::size_t{16} << 10;  // the most that a record of TLS has

// What a call on the socket gave.
Transport::Result of_socket(ssize_t count, Transport::State wanted) {
  if (count > 0) return {Transport::State::kDone, static_cast<std::size_t>(count)};
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {wanted, 0};
  return {Transport::State::kClosed, 0};
}
}  // namespace

void Transport::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Transport::Transport(int socket, ssl_ctx_st* context)
    : socket_(socket), is_tls_(context != nullptr) {
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  if (ssl_ == nullptr) return;
  if (SSL_set_fd(ssl_.get(), socket) == 1) {
    SSL_set_accept_state(ssl_.get());
  } else {
    ssl_.reset();
  }
}
Transport::~Transport() = default;

Transport::Result Transport::of_tls(int returned) const {
  if (returned > 0) return {State::kDone, static_cast<std::size_t>(returned)};
  const int error = SSL_get_error(ssl_.get(), returned);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return {State::kWantRead, 0};
  if (error == SSL_ERROR_WANT_WRITE) return {State::kWantWrite, 0};
  return {State::kClosed, 0};
}

Transport::Result Transport::shake_hands() {
  // Without memory for TLS nothing is said in the clear.
  if (ssl_ == nullptr) return {State::kClosed, 0};
  ERR_clear_error();
  return of_tls(SSL_do_handshake(ssl_.get()));
}

Transport::Result Transport::read(std::span<char> into) {
  if (is_tls()) {
    ERR_clear_error();
    return of_tls(SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())));
  }
  return read_before(into);
}

Transport::Result Transport::read_before(std::span<char> into) {
  for (;;) {
    const ssize_t count = ::recv(socket_, into.data(), into.size(), MSG_DONTWAIT);
    if (count >= 0 || errno != EINTR) return of_socket(count, State::kWantRead);
  }
}

Transport::Result Transport::write(std::span<const std::string_view> pieces) {
  if (is_tls()) return write_tls(pieces);
  std::array<iovec, kPiecesAtOnce> parts{};
  const std::size_t count = std::min(pieces.size(), parts.size());
  for (std::size_t i = 0; i < count; ++i) {
    parts[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0 || errno != EINTR) return of_socket(sent, State::kWantWrite);
  }
}

// Small pieces share a record. Where one was begun and could not leave, the same bytes come first
// again, which is what the library asks for.
Transport::Result Transport::write_tls(std::span<const std::string_view> pieces) {
  ERR_clear_error();
  std::string_view bytes = pieces.front();
  std::array<char, kRecordBytes> joined;  // NOLINT(*-member-init): only what is copied is read
  if (pieces.size() > 1 && bytes.size() < joined.size()) {
    std::size_t size = 0;
    for (const std::string_view piece : pieces) {
      const std::size_t count = std::min(piece.size(), joined.size() - size);
      std::copy_n(piece.data(), count, joined.data() + size);
      size += count;
      if (size == joined.size()) break;
    }
    bytes = {joined.data(), size};
  }
  bytes = bytes.substr(0, joined.size());
  return of_tls(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())));
}

void Transport::end_sending() {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(socket_, SHUT_WR);
}

std::shared_ptr<const ClientCertificate> Transport::client_certificate() const {
  if (ssl_ == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return nullptr;
  const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return nullptr;
  return std::make_shared<const ClientCertificate>(read_client_certificate(*certificate));
}
}  // namespace tocsin::api
