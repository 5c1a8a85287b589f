/// A connection's bytes, over TCP alone or through TLS, on a socket that never blocks.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "api/proxy/client_certificate.h"
#include "api/proxy/revocation_lists.h"

struct ssl_ctx_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace tocsin::api {
/// Threading: one thread at a time.
class Transport {
 public:
  enum class State : std::uint8_t {
    kDone,       // that many bytes, at least one
    kWantRead,   // again once the socket is readable
    kWantWrite,  // again once it is writable
    kClosed,     // the other end has ended, or is gone
  };
  struct Result {
    State state = State::kDone;
    std::size_t bytes = 0;
  };
  /// The socket is the caller's. With `context` it is an end of TLS; null: plain TCP. The end is a
  /// server's, or with `host` the end of a client of that host, whose certificate has to name it.
  Transport(int socket, ssl_ctx_st* context, const std::string& host = {});
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  bool is_tls() const { return is_tls_; }
  /// With TLS, before all else, until it is done.
  Result shake_hands();
  Result read(std::span<char> into);
  /// Reads what comes before TLS, in the clear; before all else.
  Result read_before(std::span<char> into);
  /// Sends from the beginning of `pieces`; what it has not sent comes first the next time.
  Result write(std::span<const std::string_view> pieces);
  /// Says that nothing more is sent.
  void end_sending();
  /// Why it is closed, in the words of the system or of TLS; empty: the other end has ended.
  const std::string& failure() const { return failure_; }
  /// Bytes that were received and not read.
  bool has_unread() const;
  /// Of a client that has shaken hands, whose certificate was checked; null: it has none.
  std::shared_ptr<const ClientCertificate> client_certificate() const;
  /// Whose certificate the handshake has refused, and why; empty: none.
  const std::string& refused_certificate() const { return refused_certificate_; }
  /// The same without whose it is.
  std::string refusal() const;
  /// Whether the client's certificate, or one between it and its authority, is among `lists`.
  bool is_revoked(const RevocationLists& lists) const;

 private:
  void be_client_of(const std::string& host);
  Result of_tls(int returned);
  Result of_socket(ssize_t count, State wanted);
  Result write_tls(std::span<const std::string_view> pieces);
  static int note_refusal(int is_good, x509_store_ctx_st* check);

  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  int socket_;
  bool is_tls_;
  std::unique_ptr<ssl_st, Free> ssl_;
  std::string refused_certificate_;
  std::string failure_;
};
}  // namespace tocsin::api
