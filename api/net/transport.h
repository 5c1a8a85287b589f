/// A connection's bytes, over TCP alone or through TLS, on a socket that never blocks.
#pragma once
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
  /// The socket is the caller's. With `context` it is a server's end of TLS; null: plain TCP.
  Transport(int socket, ssl_ctx_st* context);
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
  /// Of a client that has shaken hands, whose certificate was checked; null: it has none.
  std::shared_ptr<const ClientCertificate> client_certificate() const;
  /// Whose certificate the handshake has refused, and why; empty: none.
  const std::string& refused_certificate() const { return refused_certificate_; }
  /// Whether the client's certificate, or one between it and its authority, is among `lists`.
  bool is_revoked(const RevocationLists& lists) const;

 private:
  Result of_tls(int returned) const;
  Result write_tls(std::span<const std::string_view> pieces);
  static int note_refusal(int is_good, x509_store_ctx_st* check);

  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  int socket_;
  bool is_tls_;
  std::unique_ptr<ssl_st, Free> ssl_;
  std::string refused_certificate_;
};
}  // namespace tocsin::api
