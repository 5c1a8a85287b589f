#include "api/net/transport.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace tocsin::api {
namespace {
constexpr std::size_t kPiecesAtOnce = 16;
constexpr std::size_t kRecordBytes = std::size_t{16} << 10;  // the most that a record of TLS has

std::string description_of(const X509& certificate) {
  std::array<char, 256> name{};
  X509_NAME_oneline(X509_get_subject_name(&certificate), name.data(),
                    static_cast<int>(name.size()));
  BIGNUM* const serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr);
  char* const digits = serial == nullptr ? nullptr : BN_bn2hex(serial);
  std::string text =
      fmt::format("{}, serial number {}", name.data(), digits == nullptr ? "unknown" : digits);
  OPENSSL_free(digits);
  BN_free(serial);
  return text;
}
}  // namespace

void Transport::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Transport::Transport(int socket, ssl_ctx_st* context, const std::string& host)
    : socket_(socket), is_tls_(context != nullptr) {
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  if (ssl_ == nullptr) return;
  if (SSL_set_fd(ssl_.get(), socket) == 1) {
    if (host.empty()) {
      SSL_set_accept_state(ssl_.get());
    } else {
      be_client_of(host);
    }
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_verify(ssl_.get(), SSL_CTX_get_verify_mode(context), note_refusal);
  } else {
    ssl_.reset();
  }
}
Transport::~Transport() = default;

void Transport::be_client_of(const std::string& host) {
  SSL* const ssl = ssl_.get();
  SSL_set_connect_state(ssl);
  in6_addr numeric;
  if (::inet_pton(AF_INET, host.c_str(), &numeric) == 1 ||
      ::inet_pton(AF_INET6, host.c_str(), &numeric) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, host.c_str());
  }
}

int Transport::note_refusal(int is_good, x509_store_ctx_st* check) {
  if (is_good == 1) return 1;
  const auto* const ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const self = static_cast<Transport*>(SSL_get_app_data(ssl));
  const X509* const certificate = X509_STORE_CTX_get_current_cert(check);
  self->refused_certificate_ =
      fmt::format("{}: {}", certificate == nullptr ? "unknown" : description_of(*certificate),
                  X509_verify_cert_error_string(X509_STORE_CTX_get_error(check)));
  return 0;
}

std::string Transport::refusal() const {
  const long verdict = ssl_ == nullptr ? X509_V_OK : SSL_get_verify_result(ssl_.get());
  return verdict == X509_V_OK ? std::string() : X509_verify_cert_error_string(verdict);
}

// What a call on the socket gave.
Transport::Result Transport::of_socket(ssize_t count, State wanted) {
  if (count > 0) return {State::kDone, static_cast<std::size_t>(count)};
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {wanted, 0};
  if (count < 0) failure_ = std::generic_category().message(errno);
  return {State::kClosed, 0};
}

Transport::Result Transport::of_tls(int returned) {
  if (returned > 0) return {State::kDone, static_cast<std::size_t>(returned)};
  const int error_number = errno;
  const int error = SSL_get_error(ssl_.get(), returned);
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return {State::kWantRead, 0};
  if (error == SSL_ERROR_WANT_WRITE) return {State::kWantWrite, 0};
  if (const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code)) {
    failure_ = reason;
  } else if (error == SSL_ERROR_SYSCALL && error_number != 0) {
    failure_ = std::generic_category().message(error_number);
  }
  return {State::kClosed, 0};
}

bool Transport::has_unread() const {
  if (ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1) return true;
  pollfd waited{socket_, POLLIN, 0};
  return ::poll(&waited, 1, 0) != 0;
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

bool Transport::is_revoked(const RevocationLists& lists) const {
  if (ssl_ == nullptr) return false;
  const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return false;
  if (lists.revokes(*certificate)) return true;
  const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl_.get());
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    if (lists.revokes(*sk_X509_value(chain, i))) return true;
  }
  return false;
}
}  // namespace tocsin::api
